from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from reports.differences import groups
from reports.facts import collect
from reports.plot_style import strokes
from reports.source import Run
from reports.standing import answers, ties
from reports.study import AnswerCell
from reports.tables import COMPETING, Column, Row, Table


def test_every_method_has_its_value_interval_and_tie_group(run: Run) -> None:
    facts = collect(run.values, run.info.metrics)
    plot = ties(run, facts, strokes(run.methods))
    assert plot is not None
    rows = {(r["metric"], r["method"]): r for r in csv.DictReader(io.StringIO(plot.csv))}
    row = rows["Intensity PCC ↑, neutral", "eap"]
    values = run.values
    mine = values[(values["metric"] == "intensity_pcc") & (values["track"] == "neutral") & (values["method"] == "eap")]
    assert float(row["value"]) == pytest.approx(float(mine["value"].iloc[0]), rel=1e-5)
    assert float(row["low"]) == pytest.approx(float(mine["ci_low"].iloc[0]), rel=1e-5)
    found = groups(run, facts["intensity_pcc"], "neutral", run.named(*COMPETING))
    assert "eap" in found[0]
    assert row["tie_group"] == "1"
    assert rows["Intensity PCC ↑, neutral", "no-intensity"]["tie_group"] != "1"
    assert rows["Intensity PCC ↑, neutral", "ground-truth"]["tie_group"] == ""  # ceilings do not compete
    assert rows["Acc_emo ↑, emotional", "eap"]


def test_nothing_measured_nothing_drawn(run: Run) -> None:
    empty = replace(run, values=run.values.iloc[:0], clip_values=run.clip_values.iloc[:0])
    assert ties(empty, collect(empty.values, ()), strokes(run.methods)) is None


def study(low: float | None) -> Table:
    cells = (AnswerCell(3.9, "3.90", (low, 4.2) if low else None, 40), AnswerCell(None, "–"))
    other = (AnswerCell(3.1, "3.10", (2.8, 3.4) if low else None, 40), AnswerCell(None, "–"))
    columns = (Column("mos", "MOS", "↑", "points"), Column("gain", "Gain", "↑"))
    return Table("mos", "Naturalness", "Of used raters.", columns,
                 (Row("eap", "EAP", "method", cells), Row("ant", "<ANT>", "method", other)))  # fmt: skip


def test_answers_are_bars_with_intervals(run: Run) -> None:
    (plot,) = answers([study(3.6)], strokes(run.methods))
    assert plot.key == "study-1"
    assert plot.title == "Naturalness"
    assert "&lt;ANT&gt;" in plot.svg
    assert "var(--m1" in plot.svg  # EAP keeps its colour
    rows = list(csv.DictReader(io.StringIO(plot.csv)))
    assert [(r["row"], float(r["value"]), float(r["low"]), float(r["high"])) for r in rows] == [
        ("eap", 3.9, 3.6, 4.2), ("ant", 3.1, 2.8, 3.4),
    ]  # fmt: skip
    assert answers([study(None)], strokes(run.methods)) == ()  # without intervals a bar would promise too much


def test_questions_of_one_name_are_told_apart_and_bars_begin_at_the_foot_of_the_scale(run: Run) -> None:
    cells = (AnswerCell(3.9, "3.90", (3.6, 4.2), 40), AnswerCell(2.0, "2.00", (1.5, 2.5), 40))
    columns = (Column("a", "MOS", "↑", "1–5", "naturalness"), Column("b", "MOS", "↑", "1–5", "lip_sync"))
    table = Table("mos", "Study", "", columns, (Row("eap", "EAP", "method", cells), Row("ant", "ANT", "method", cells)))
    (plot,) = answers([table], strokes(run.methods))
    rows = csv.DictReader(io.StringIO(plot.csv))
    assert list(dict.fromkeys(r["column"] for r in rows)) == ["naturalness: MOS ↑ (1–5)", "lip sync: MOS ↑ (1–5)"]
    assert plot.figure is not None
    assert [axis.get_xlim() for axis in plot.figure.axes] == [(1, 5), (1, 5)]


def test_a_long_pair_of_methods_is_named_whole_on_two_lines(run: Run) -> None:
    long = "EAP without frame-wise intensity − EAP without neutralization"
    cells = (AnswerCell(0.5, "0.50", (0.1, 0.9), 40),)
    rows = tuple(Row(title, title, "method", cells) for title in (long, "EAP − ANT"))
    (plot,) = answers([Table("p", "Pairs", "", (Column("d", "Difference"),), rows)], strokes(run.methods))
    assert ">EAP without frame-wise intensity</" in plot.svg
    assert ">− EAP without neutralization</" in plot.svg
    assert ">EAP − ANT</" in plot.svg

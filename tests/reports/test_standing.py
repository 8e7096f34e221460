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

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reports.breakdowns import ablation, breakdown
from reports.facts import collect
from reports.source import Run
from reports.tables import Cell, Table


def cell(table: Table, row: str, column: str) -> Cell:
    place = [c.key for c in table.columns].index(column)
    return next(r for r in table.rows if r.key == row).cells[place]


def test_source_emotion_is_that_of_the_reference_image(run: Run) -> None:
    facts = collect(run.values, run.info.metrics)
    table = breakdown(run, facts["reference_leakage"], "emotional", "source")
    assert table is not None
    clips = {r.clip for r in run.records if r.track == "emotional" and r.reference_emotion == "happy"}
    values = run.clip_values
    chosen = (values["metric"] == "reference_leakage") & (values["method"] == "still-image")
    expected = values[chosen & values["clip"].isin(clips)]["value"].mean()
    found = cell(table, "still-image", "happy")
    assert found.value == pytest.approx(expected)
    assert found.count == "5/5"
    assert found.ci is not None


def test_no_recorded_source_emotion_no_table(run: Run) -> None:
    facts = collect(run.values, run.info.metrics)["emotion_accuracy"]
    bare = replace(run, records=tuple(r.model_copy(update={"reference_emotion": None}) for r in run.records))
    assert breakdown(bare, facts, "emotional", "source") is None


def test_one_best_in_every_column_and_no_floor_among_them(run: Run) -> None:
    facts = collect(run.values, run.info.metrics)
    table = breakdown(run, facts["intensity_pcc"], "neutral", "emotion")
    assert table is not None
    for i, column in enumerate(table.columns):
        best = [r for r in table.rows if r.cells[i].best]
        assert [r.role for r in best] in (["method"], ["ablation"]), column.key
        shown = [r.cells[i].value for r in table.rows if r.role in ("method", "ablation")]
        rivals = [value for value in shown if value]
        assert best[0].cells[i].value == max(rivals)


def test_gain_over_an_ablation_is_the_mean_paired_difference(run: Run) -> None:
    facts = collect(run.values, run.info.metrics)
    table = ablation(run, facts, "neutral")
    assert table is not None
    values = run.clip_values
    mine = values[(values["metric"] == "m_lmd") & (values["track"] == "neutral")].set_index(["method", "clip"])["value"]
    gain = float(np.mean(mine["no-intensity"] - mine["eap"]))  # lower is better: the ablation's excess is EAP's gain
    found = cell(table, "gain-over-no-intensity", "m_lmd")
    assert found.value == pytest.approx(gain)
    assert found.ci is not None
    assert found.best == (found.ci[0] > 0 or found.ci[1] < 0)
    assert cell(table, "gain-over-no-intensity", "fid").value is None  # no values per clip, no paired gain
    assert [r.role for r in table.rows] == ["method", "ablation", "ablation", "difference", "difference"]


def test_no_ablations_no_table(run: Run) -> None:
    alone = replace(run, methods=tuple(m for m in run.methods if not m.name.startswith("no-")))
    assert ablation(alone, collect(run.values, run.info.metrics), "neutral") is None

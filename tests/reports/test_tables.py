from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from reports.breakdowns import breakdown
from reports.facts import collect
from reports.source import Run
from reports.tables import Cell, Table, main_table
from tests.reports.fake_run import signature


def table_of(run: Run, track: str) -> Table:
    table = main_table(run, collect(run.values, run.info.metrics), track)
    assert table is not None
    return table


def cell(table: Table, method: str, metric: str) -> Cell:
    column = [c.key for c in table.columns].index(metric)
    return next(r for r in table.rows if r.key == method).cells[column]


def test_cells_repeat_values_parquet(run: Run) -> None:
    table = table_of(run, "emotional")
    row = run.values[
        (run.values["method"] == "eap") & (run.values["metric"] == "psnr") & (run.values["track"] == "emotional")
    ].iloc[0]
    found = cell(table, "eap", "psnr")
    assert found.value == row["value"]
    assert found.ci == (row["ci_low"], row["ci_high"])
    assert (found.n_scored, found.n_expected) == (40, 40)
    assert found.display == f"{row['value']:.2f}"
    assert found.signature == str(signature("psnr"))


def test_incomplete_cells_say_so(run: Run) -> None:
    found = cell(table_of(run, "neutral"), "ant", "psnr")
    assert found.incomplete
    assert found.count == "35/40"


def test_ceiling_and_floor_never_win(run: Run) -> None:
    for track in ("neutral", "emotional"):
        for row in table_of(run, track).rows:
            if row.role in ("ceiling", "floor"):
                assert not any(c.best or c.tied_with_best for c in row.cells), row.key


def test_exactly_one_best_per_ranked_column_and_it_is_the_best(run: Run) -> None:
    table = table_of(run, "emotional")
    facts = collect(run.values, run.info.metrics)
    for i, column in enumerate(table.columns):
        rows = [r for r in table.rows if r.role in ("method", "ablation")]
        best = [r for r in rows if r.cells[i].best]
        assert len(best) == 1
        loss = [facts[column.key].loss(r.cells[i].value or 0) for r in rows]
        assert facts[column.key].loss(best[0].cells[i].value or 0) == min(loss)


def test_a_clear_loser_is_not_tied_and_a_metric_without_interval_is(run: Run) -> None:
    table = table_of(run, "neutral")
    assert not cell(table, "no-intensity", "intensity_pcc").tied_with_best
    assert cell(table, "eap", "intensity_pcc").best
    assert all(cell(table, m, "fid").tied_with_best or cell(table, m, "fid").best for m in ("eap", "ant"))


def test_unlike_signatures_are_not_ranked(run: Run) -> None:
    values = run.values.copy()
    odd = (values["method"] == "ant") & (values["metric"] == "psnr")
    values.loc[odd, "signature"] = "psnr|crop:face|v1"
    table = table_of(replace(run, values=values), "neutral")
    assert not any(cell(table, r.key, "psnr").best for r in table.rows)
    assert len(table.columns[[c.key for c in table.columns].index("psnr")].signatures) == 2


def test_missing_metric_of_one_method_is_a_dash(run: Run) -> None:
    values = run.values[~((run.values["method"] == "ant") & (run.values["metric"] == "psnr"))]
    found = cell(table_of(replace(run, values=values), "neutral"), "ant", "psnr")
    assert (found.value, found.display) == (None, "–")


def test_no_values_no_table(run: Run) -> None:
    assert main_table(replace(run, values=run.values.iloc[:0]), {}, "neutral") is None


def test_breakdown_is_the_mean_by_emotion(run: Run) -> None:
    facts = collect(run.values, run.info.metrics)
    table = breakdown(run, facts["emotion_accuracy"], "emotional", "emotion")
    assert table is not None
    assert [c.key for c in table.columns] == sorted(c.key for c in table.columns)
    clips = run.clip_values
    chosen = (clips["metric"] == "emotion_accuracy") & (clips["track"] == "emotional")
    expected = clips[chosen & (clips["method"] == "eap") & (clips["emotion"] == "happy")]["value"].mean()
    assert cell(table, "eap", "happy").value == pytest.approx(expected)
    assert cell(table, "eap", "happy").count == "5/5"
    assert breakdown(run, facts["fid"], "neutral", "emotion") is None


def test_identities_are_rows_unless_there_are_too_many(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = collect(run.values, run.info.metrics)["psnr"]
    table = breakdown(run, facts, "neutral", "identity")
    assert table is not None
    assert table.head == "Identity"
    assert [row.key for row in table.rows] == sorted({c.identity for c in run.clips})
    assert all(c.ci is None and not c.tied_with_best for row in table.rows for c in row.cells)
    monkeypatch.setattr("reports.breakdowns.MOST_IDENTITIES", 4)
    assert breakdown(run, facts, "neutral", "identity") is None


def test_groups_span_their_columns(run: Run) -> None:
    assert table_of(run, "emotional").groups == (("Image", 2), ("Lips and face", 2), ("Emotion", 2), ("Intensity", 2))


def test_cells_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Cell(1.0, "1").value = 2.0  # type: ignore[misc]


def test_select_keeps_order_and_cells(run: Run) -> None:
    table = table_of(run, "neutral")
    part = table.select(columns=["lse_d", "psnr"], rows=["ant", "eap"])
    assert [c.key for c in part.columns] == ["psnr", "lse_d"]
    assert [r.key for r in part.rows] == ["eap", "ant"]
    assert cell(part, "ant", "lse_d") == cell(table, "ant", "lse_d")


def test_other_columns_than_the_papers_are_folded_away(run: Run) -> None:
    values = run.values.copy()
    values.loc[values["metric"] == "fid", "metric"] = "lip_dynamics"
    assert table_of(replace(run, values=values), "neutral").secondary == ("lip_dynamics",)
    assert table_of(run, "neutral").secondary == ()

from __future__ import annotations

import csv
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from eap.errors import DataError, MeasureError
from reports.study import read_study, study_tables
from tests.user_study.imagined_study import METHODS, TRUTH, simulation
from user_study.analysis import Result, analyse
from user_study.analysis_page import Written, write
from user_study.analysis_tables import checks, headlines, main_table
from user_study.records import Tables


def tables() -> Tables:
    return simulation(24).tables


@cache
def result() -> Result:
    return analyse(tables())


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write(tables(), tmp_path_factory.mktemp("study"))


def test_the_truth_is_recovered_in_order_and_within_intervals() -> None:
    rated = next(o for o in result().outcomes if o.kind == "acr")
    named = next(o for o in result().outcomes if o.kind == "emotion")
    assert sorted(METHODS, key=lambda m: -rated.plain[m].value) == list(METHODS)
    inside = [named.plain[m].low <= TRUTH.clarity[m] <= named.plain[m].high for m in METHODS]
    assert sum(inside) >= 3
    assert all(named.adjusted[m].value >= named.majority[m] - 0.1 for m in METHODS)


def test_only_trials_of_used_raters_count() -> None:
    answers = tables().answers
    trial = answers[(answers["role"] == "trial") & answers["rater"].isin(result().cleaning.used)]
    assert result().answers_used == len(trial)
    rated = next(o for o in result().outcomes if o.kind == "acr")
    mine = trial[(trial["question"] == "naturalness") & (trial["method"] == "eap")]
    assert rated.plain["eap"].value == pytest.approx(float(mine["value"].mean()))
    assert rated.plain["eap"].n == len(mine)


def test_the_order_of_the_rows_does_not_matter() -> None:
    mixed = tables().answers.sample(frac=1.0, random_state=1)
    other = analyse(replace(tables(), answers=mixed))
    for a, b in zip(result().outcomes, other.outcomes, strict=True):
        for m in METHODS:
            assert (a.plain[m].low, a.plain[m].high) == pytest.approx((b.plain[m].low, b.plain[m].high))


def test_headline_is_the_focus_over_the_lowest_ranked_with_its_interval() -> None:
    lines = headlines(result())
    assert any(line.startswith("eap has ") and "still-image" in line and "percentage points" in line for line in lines)
    assert all("[" in line for line in lines)


def test_preference_counts_are_every_answer_once() -> None:
    duel = result().duels[0]
    assert duel.counts.sum() == pytest.approx(duel.left.n)
    assert np.diag(duel.counts).sum() == 0
    assert duel.strengths.strength[0].value > duel.strengths.strength[-1].value


def test_traces_follow_the_methods_that_follow() -> None:
    course = next(c for c in result().courses if c.reference == "intensity_true")
    found = {m.method: m.single_pcc.value for m in course.result.methods}
    assert found["ground-truth"] > found["no-intensity"]
    assert abs(found["still-image"]) < 0.25
    assert 0.4 < course.result.lag < 1.0


def test_main_table_has_intervals_counts_best_and_notes() -> None:
    table = main_table(result(), "neutral")
    assert table is not None
    assert [row.key for row in table.rows] == list(METHODS)
    mos = [c.key for c in table.columns].index("naturalness")
    cells = {row.key: row.cells[mos] for row in table.rows}
    assert cells["eap"].best
    assert not cells["ground-truth"].best
    assert cells["eap"].ci is not None
    assert cells["eap"].count.startswith("n=")
    assert "SIMULATED" in table.caption


def test_all_is_written_and_the_plots_numbers_with_them(written: Written) -> None:
    out = written.page.parent
    stems = {p.stem for p in (out / "plots").iterdir()}
    assert {"means-naturalness-neutral", "gain-emotion-neutral", "confusion-emotion-neutral"} <= stems
    for stem in stems:
        assert (out / "plots" / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
        assert (out / "plots" / f"{stem}.svg").read_text().startswith("<svg")
    rows = list(csv.DictReader((out / "tables" / "study-neutral.csv").read_text().splitlines()))
    rated = next(o for o in written.result.outcomes if o.kind == "acr")
    mine = next(r for r in rows if r["method"] == "eap" and r["column"] == "naturalness")
    assert float(mine["value"]) == pytest.approx(rated.plain["eap"].value)
    assert r"\begin{tabular}" in (out / "tables" / "study-neutral.tex").read_text()
    assert "Cleaning report" in (out / "cleaning.md").read_text()


def test_the_page_stands_alone_and_says_that_raters_are_simulated(written: Written) -> None:
    page = written.page.read_text()
    assert "SIMULATED RATERS" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    for section in ("verdict", "trust", "tables", "plots", "cleaning"):
        assert f'id="{section}"' in page


def test_the_runs_report_reads_what_was_written(written: Written, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.json").write_bytes((written.page.parent / "study.json").read_bytes())
    found, shown, why = study_tables(tmp_path)
    assert found is not None
    assert (found.simulated, why) == (True, "")
    assert shown[0] == main_table(written.result, "neutral")
    assert "SIMULATED" in found.facts
    (tmp_path / "study" / "study.json").write_text(json.dumps({"format": 2}))
    assert study_tables(tmp_path)[2]
    with pytest.raises(DataError, match="not a study result"):
        read_study(tmp_path)
    assert read_study(tmp_path / "none") is None


def test_too_few_raters_say_so_everywhere() -> None:
    few = tables()
    keep = sorted(result().cleaning.used)[:1]
    one = analyse(
        replace(
            few, answers=few.answers[few.answers["rater"].isin(keep)], raters=few.raters[few.raters["rater"].isin(keep)]
        )
    )
    rated = next(o for o in one.outcomes if o.kind == "acr")
    assert all("no interval: 1 rater" in e.note for e in rated.plain.values())
    assert all("three raters" in e.note for e in rated.adjusted.values())
    assert "not possible" in _caption(one)
    table = main_table(one, "neutral")
    assert table is not None
    assert all(c.note for row in table.rows for c in row.cells if c.value is None or c.ci is None)
    assert any(c.status == "warn" and "1 of 1 raters" in c.text for c in checks(one))


def _caption(found: Result) -> str:
    from user_study.analysis_tables import pair_table

    return pair_table(found, found.outcomes[0]).caption


def test_models_that_compare_raters_are_not_asked_when_raters_share_no_clips() -> None:
    """With one answer per clip Dawid-Skene and the rater model fit anything: they must say that they cannot tell."""
    answers = tables().answers
    trial = answers["role"] == "trial"
    once = answers[trial].drop_duplicates(["stimulus", "question"])
    found = analyse(replace(tables(), answers=answers[~trial | answers.index.isin(once.index)]))
    for o in found.outcomes:
        assert all(not e.known and "answers per clip" in e.note for e in o.adjusted.values())
        assert all(e.known for e in o.plain.values())
    table = main_table(found, "neutral")
    assert table is not None
    titles = [c.title for c in table.columns]
    assert {"MOS", "Emotion acc."} <= {*titles}
    assert not {"Annex E", "Consensus acc."} & {*titles}  # a column of dashes; why stands in the trust checks
    models = [c for c in checks(found) if c.title.startswith("Rater model of")]
    assert [(c.status, "answers per clip" in c.text) for c in models] == [("warn", True)] * len(found.outcomes)


def test_questions_are_named_as_people_read_them() -> None:
    """One line of agreement per question, whatever number of levels it has."""
    found = result()
    assert [c.title for c in checks(found) if c.title.startswith("Agreement")] == [
        f"Agreement on {o.question.replace('_', ' ')}" for o in found.outcomes
    ]
    words = [c.text for c in checks(found)] + [c.title for c in checks(found)]
    assert not [text for text in words if "_" in text]


def test_no_ratings_and_nobody_used_are_one_line_errors() -> None:
    none = replace(tables(), answers=tables().answers.iloc[:0])
    with pytest.raises(MeasureError, match="no ratings yet"):
        analyse(none)
    answers = tables().answers.copy()
    answers.loc[answers["role"] == "trap", "correct"] = False
    with pytest.raises(MeasureError, match="none of the 24 raters passes"):
        analyse(replace(tables(), answers=answers))

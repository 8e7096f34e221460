from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import eap.bundle.store as store
from reports.facts import collect
from reports.source import Run, load
from reports.trust import Check, checks
from tests.reports.fake_run import SKILL, Recipe, write_run


def named(run: Run, words: str) -> Check:
    return next(c for c in checks(run, collect(run.values, run.info.metrics)) if words in c.title)


def test_a_clean_run_passes(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "r", Recipe(identities=6)))
    statuses = {c.title: c.status for c in checks(run, collect(run.values, run.info.metrics))}
    assert set(statuses.values()) == {"pass"}, statuses


def test_failures_and_short_counts_are_listed_with_reasons(run: Run) -> None:
    failed = named(run, "generated and measured")
    assert failed.status == "warn"
    assert failed.details == ("ANT (neutral talker): no face in frame 3 (×10)",)
    scored = named(run, "all its clips")
    assert scored.status == "warn"
    assert any("PSNR, ANT (neutral talker), neutral: 35 of 40 clips scored" in d for d in scored.details)
    assert len(scored.details) == 13  # every per-clip metric on each track, leakage on one


def test_numbers_that_one_method_lacks_are_named(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "r", Recipe(identities=6)))
    gone = (run.values["method"] == "ant") & run.values["metric"].isin(["psnr", "m_lmd"])
    check = named(replace(run, values=run.values[~gone]), "all its clips")
    assert check.status == "warn"
    assert check.details == (
        "ANT (neutral talker), neutral: no value of PSNR, M-LMD",
        "ANT (neutral talker), emotional: no value of PSNR, M-LMD",
    )
    assert check.text.startswith(f"{(~gone).sum()} of {(~gone).sum()} numbers")
    floor = (run.values["method"] == "still-image") & (run.values["metric"] == "psnr")
    leakage = (run.values["method"] == "ant") & (run.values["metric"] == "reference_leakage")
    assert named(replace(run, values=run.values[~(floor | leakage)]), "all its clips").status == "pass"


def test_one_identity_is_one(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "r", Recipe(identities=1, emotions=("happy",), frames=4)))
    assert named(run, "Enough identities").text.startswith("1 identity, 1 clip; ")


def with_info(run: Run, **changes: Any) -> Run:
    return replace(run, info=run.info.model_copy(update=changes))


def test_an_unfinished_run_fails_the_first_check(run: Run) -> None:
    assert named(with_info(run, finished=""), "complete").status == "fail"
    assert named(replace(run, records=run.records[:-1]), "complete").status == "fail"


def test_a_judge_that_taught_is_found(run: Run) -> None:
    shared = with_info(run, weights={"eap": "c" * 64 + "+" + "A" * 64})
    check = named(shared, "evaluators")
    assert check.status == "fail"
    assert check.details == ("emotion-judge = eap (1)",)


def test_unknown_teachers_are_not_called_independent(run: Run) -> None:
    check = named(with_info(run, weights={"eap": "c" * 64}), "evaluators")
    assert check.status == "unknown"
    assert named(with_info(run, evaluators={}), "evaluators").status == "unknown"


@pytest.mark.parametrize(("architecture", "word"), [("Small", "differ"), ("Judge", "same architecture")])
def test_teachers_come_from_the_bundle_the_evaluators_are_from(
    run: Run, monkeypatch: pytest.MonkeyPatch, architecture: str, word: str
) -> None:
    def entry(name: str, sha: str, role: store.Role, kind: str) -> store.WeightsEntry:
        return store.WeightsEntry(name, name, sha, 1, store.WeightsMeta(role, kind, 0))

    bundle = [entry("j", "a" * 64, "evaluator", "Judge"), entry("k", "b" * 64, "evaluator", "Other")]
    bundle.append(entry("face", "e" * 64, "teacher", architecture))
    monkeypatch.setattr(store, "read_manifest", lambda: {e.name: e for e in bundle})
    check = named(with_info(run, weights={"eap": "c" * 64}), "evaluators")
    assert check.status == "pass"
    assert word in check.details[0]
    same = [*bundle[:2], entry("face", "a" * 64, "teacher", "Judge")]
    monkeypatch.setattr(store, "read_manifest", lambda: {e.name: e for e in same})
    assert named(with_info(run, weights={"eap": "c" * 64}), "evaluators").status == "fail"


def test_mixed_signatures_fail(run: Run) -> None:
    values = run.values.copy()
    values.loc[(values["method"] == "ant") & (values["metric"] == "psnr"), "signature"] = "psnr|crop:face|v1"
    check = named(replace(run, values=values), "one way")
    assert check.status == "fail"
    assert "crop:face" in check.details[0]


def test_a_method_above_the_truth_and_a_floor_above_eap_are_pointed_out(tmp_path: Path) -> None:
    skill = SKILL | {"eap": (1.4, 0.7, 0.7, 0.8, 0.1), "still-image": (0.5, 1.2, 0.1, 0.0, 0.8)}
    run = load(write_run(tmp_path / "r", Recipe(identities=5, skill=skill)))
    ceiling = named(run, "ceiling")
    assert ceiling.status == "warn"
    assert any("PSNR" in d and "EAP" in d for d in ceiling.details)
    floor = named(run, "floors")
    assert floor.status == "warn"
    assert all("LSE-D" in d for d in floor.details)


def test_few_identities_warn(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "r", Recipe(identities=2, emotions=("happy", "sad"))))
    assert named(run, "identities").status == "warn"


def test_without_rows_nothing_passes(run: Run) -> None:
    empty = replace(
        run, records=(), values=run.values.iloc[:0], clip_values=run.clip_values.iloc[:0], missing=("gone",)
    )
    found = checks(empty, collect(empty.values, empty.info.metrics))
    passing = [c.title for c in found if c.status == "pass"]
    assert passing == [c.title for c in found if "evaluators" in c.title or "identities" in c.title]

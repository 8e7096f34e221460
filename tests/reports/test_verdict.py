from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reports.facts import collect
from reports.source import Run, load
from reports.verdict import Finding, findings
from tests.reports.fake_run import SKILL, Recipe, write_run


def both(run: Run) -> tuple[Finding, Finding]:
    neutralization, intensity = findings(run, collect(run.values, run.info.metrics))
    return neutralization, intensity


def test_clear_differences_are_supported(run: Run) -> None:
    neutralization, intensity = both(run)
    assert (neutralization.status, intensity.status) == ("supported", "supported")
    assert (neutralization.track, intensity.track) == ("emotional", "neutral")
    evidence = neutralization.evidence[0]
    assert evidence.difference is not None
    assert evidence.difference.gain > 0
    assert evidence.bar is not None
    assert evidence.bar[0] > 50
    assert "40 clips of 5 identities" in evidence.text


def test_swapped_methods_are_contradicted(tmp_path: Path) -> None:
    skill = SKILL | {"eap": SKILL["no-neutralization"], "no-neutralization": SKILL["eap"]}
    run = load(write_run(tmp_path / "r", Recipe(identities=5, skill=skill)))
    neutralization, _ = both(run)
    assert neutralization.status == "contradicted"
    assert "EAP is worse than EAP without neutralization" in neutralization.headline
    assert any(e.outcome == "worse" for e in neutralization.evidence)


def test_the_same_numbers_are_not_separated(run: Run) -> None:
    mine = run.clip_values[run.clip_values["method"] == "eap"]
    others = run.clip_values[~run.clip_values["method"].isin(["no-neutralization", "no-intensity"])]
    import pandas as pd

    copies = [mine.assign(method=name) for name in ("no-neutralization", "no-intensity")]
    equal = replace(run, clip_values=pd.concat([others, *copies]))
    neutralization, intensity = both(equal)
    assert neutralization.status == intensity.status == "unclear"
    assert "cannot be separated" in neutralization.headline
    assert all("the interval includes 0" in e.text for e in neutralization.evidence)


def test_missing_metric_and_missing_method_are_said(tmp_path: Path, run: Run) -> None:
    without = replace(run, clip_values=run.clip_values[run.clip_values["method"] != "no-intensity"])
    _, intensity = both(without)
    assert intensity.status == "missing"
    assert "share no scored clip" in intensity.headline
    assert "no value per clip was recorded" in intensity.evidence[0].text
    nothing = replace(run, values=run.values.iloc[:0], clip_values=run.clip_values.iloc[:0])
    found = findings(nothing, collect(nothing.values, []))
    assert [f.status for f in found] == ["missing", "missing"]
    assert "was not measured" in found[0].evidence[0].text


def test_one_identity_claims_nothing(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "r", Recipe(identities=1)))
    neutralization, _ = both(run)
    assert neutralization.status == "unclear"
    assert "there is no interval" in neutralization.evidence[0].text
    assert neutralization.evidence[0].bar is None


@pytest.mark.parametrize("track", ["neutral", "emotional"])
def test_a_run_of_one_track_names_it(tmp_path: Path, track: str) -> None:
    run = load(write_run(tmp_path / "r", Recipe(identities=2, tracks=(track,))))
    assert {f.track for f in both(run)} == {track}

"""``eap-bench train`` with a plan: what it asks for, what it refuses before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.calling import Call


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--recipe", "dinner"), "no recipe 'dinner'; use 'bundle', a plan (paper-256) or one of"),
        (("--recipe", "paper-256"), "the plan 'paper-256' needs --data and --out"),
        (("--recipe", "eap", "--data", "x"), "--data and --out are for plans, and 'eap' is none"),
        (("--recipe", "mine.toml"), "mine.toml: no such plan"),
        (("--recipe", "paper-256", "--set", "speed=3"), "unknown setting 'speed'"),
        (("--recipe", "paper-256", "--set", 'judges=["fan"]'), "'fan' cannot teach what 'fan' judges"),
        (("--recipe", "paper-256", "--data", "nowhere", "--out", "o"), "nowhere: no such folder"),
    ],
)
def test_what_a_plan_lacks_is_said_in_one_line(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    said = call("train", *options)
    assert said.code == 2
    assert complaint in said.err and len(said.err.strip().splitlines()) == 1


def test_a_dataset_as_published_is_to_be_prepared_first(call: Call, tmp_path: Path) -> None:
    (tmp_path / "MEAD" / "M003" / "video").mkdir(parents=True)
    said = call("train", "--recipe", "paper-256", "--data", str(tmp_path / "MEAD"), "--out", str(tmp_path / "run"))
    assert said.code == 2
    assert "not prepared" in said.err and "eap-bench data prepare" in said.err
    assert not (tmp_path / "run").exists()

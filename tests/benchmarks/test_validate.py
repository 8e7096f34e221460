from __future__ import annotations

import json
from pathlib import Path

import pytest

from metrics.validity import judge, study
from metrics.validity.results import Validity
from tests.benchmarks.calling import Call
from tests.metrics.fakes import FakeEvaluators

SMALL = ("--identities", "3", "--clips", "1", "--seconds", "0.8", "--workers", "1", "--damages", "blur,av_shift")


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "get_evaluators", lambda name: FakeEvaluators())


def test_a_validation_from_the_command_line(call: Call, tmp_path: Path) -> None:
    said = call("validate", *SMALL, "--metrics", "psnr", "--out", tmp_path / "v", "--json")
    assert said.code == 0
    found = json.loads(said.out)
    assert Path(found.pop("page")).is_file()
    validity = Validity.model_validate(found)
    assert [(cell.metric, cell.damage, cell.holds) for cell in validity.declared] == [("psnr", "blur", True)]
    assert validity.command.startswith("eap-bench validate --identities 3 ")
    again = call("validate", *SMALL, "--metrics", "psnr", "--out", tmp_path / "v")
    assert again.code == 0
    assert "1 of 1 declared damages are followed step by step" in again.out


def test_a_metric_that_does_not_follow_is_exit_code_1(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = judge.matrix
    monkeypatch.setattr(
        study, "matrix", lambda *given: tuple(cell.model_copy(update={"tau": 0.5}) for cell in real(*given))
    )
    said = call("validate", *SMALL, "--metrics", "psnr", "--out", tmp_path / "v")
    assert said.code == 1
    assert "not monotone" in said.out
    assert "0 of 1 declared damages" in said.out


def test_what_there_is_not(call: Call, tmp_path: Path) -> None:
    said = call("validate", "--damages", "rain", "--out", tmp_path / "v")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "unknown damage 'rain'; choose from: blur" in said.err
    said = call("validate", "--metrics", "beauty", "--out", tmp_path / "v", "--identities", "3", "--workers", "1")
    assert said.code == 2
    assert "unknown metric 'beauty'" in said.err

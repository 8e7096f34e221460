from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.calling import Call
from tests.user_study.imagined_study import DESIGN


@pytest.fixture
def dry_run(call: Call, tmp_path: Path) -> Path:
    (tmp_path / "design.toml").write_text(DESIGN)
    said = call(
        "study", "simulate", "--design", str(tmp_path / "design.toml"), "--raters", "6", "--mix", "honest",
        "--out", str(tmp_path / "dry"), "--json",
    )  # fmt: skip
    assert said.code == 0
    assert json.loads(said.out)["raters"] == 6
    return tmp_path / "dry"


def test_simulate_then_analyze(call: Call, dry_run: Path) -> None:
    said = call("study", "analyze", str(dry_run), "--json")
    assert said.code == 0
    told = json.loads(said.out)
    assert told["simulated"]
    assert Path(told["page"]).is_file()
    assert told["raters"] == 6
    assert told["headlines"]


def test_power_in_json_and_in_words(call: Call) -> None:
    said = call("study", "power", "--gain", "0.5", "--studies", "0", "--json")
    assert said.code == 0
    assert json.loads(said.out)["raters"] > 2
    assert "used raters" in call("study", "power", "--width", "0.3", "--studies", "20").out


def test_what_cannot_be_done_is_one_line(call: Call, tmp_path: Path) -> None:
    for arguments, code, words in (
        (("analyze", str(tmp_path)), 2, "neither a study nor an export"),
        (("power",), 2, "either --gain or --width"),
        (("power", "--width", "0.01"), 3, "however many raters"),
        (("simulate", "--mix", "angel=1", "--out", str(tmp_path / "x")), 2, "no rater kind"),
    ):
        said = call("study", *arguments)
        assert said.code == code
        assert words in said.err
        assert said.err.strip().splitlines()[-1].startswith("error: ")
        assert "Traceback" not in said.err

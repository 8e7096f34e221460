"""The card is written from records; ``train`` names its stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.card import write_card
from benchmarks.cli import main
from eap.bundle.store import WeightsMeta, save_weights
from eap.errors import DataError
from eap.files import write_json
from eap.training.bundle import STAGES
from tests.reports.fake_run import Recipe, write_run


@pytest.fixture
def work(tmp_path: Path) -> Path:
    recipe = {"phase": "represent", "init": "ant", "reference": "neutral", "steps": 1234, "seed": 13}
    done = tmp_path / "work" / "done"
    write_json(done / "eap.json", {"recipe": recipe, "log": {"pixel": 0.0456}, "wall_seconds": 600.0})
    write_json(done / "data-mead.json", {"clips": 7, "frames": 420, "wall_seconds": 90.0})
    bundle = tmp_path / "work" / "weights"
    save_weights("eap", {"w": torch.zeros(3)}, WeightsMeta("model", "Talker", 13), folder=bundle)
    judge = WeightsMeta("evaluator", "EmotionJudge", 11, (1000, 1003), {"emotion_accuracy": 0.875})
    save_weights("judge-emotion", {"w": torch.ones(3)}, judge, folder=bundle)
    return tmp_path / "work"


def test_the_card_says_what_the_records_say(work: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", Recipe())
    text = write_card(work, work / "weights", run).read_text()
    assert "| `eap` | represent | ant | neutral | 1234 | 13 | 10.0 |" in text
    assert "| mead | 0-63 | 1, 2, 3 | 7 | 420 | 1.5 |" in text
    assert "emotion_accuracy 0.875" in text
    assert "none is MEAD's" in text
    rows = [line for line in text.splitlines() if line.startswith("| emotion_accuracy |")]
    assert rows
    assert all("/" in row.split("|")[6] for row in rows), "scored of expected in every row"


def test_no_records_no_card(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished stages"):
        write_card(tmp_path, tmp_path, tmp_path)


def test_train_lists_its_stages(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["train", "--list", "--json", "--work", str(work)])
    assert left.value.code == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["stage"] for row in rows] == list(STAGES)
    assert {row["stage"]: row["wall_seconds"] for row in rows}["eap"] == 600.0


def test_an_unknown_recipe_is_one_line(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["train", "--recipe", "dinner", "--work", str(work)])
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("error: no recipe 'dinner'; use 'bundle', a plan (paper-256) or one of ")

"""A training killed by SIGKILL at random steps ends with the very weights, log and curves of one left alone."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from eap.data.arrays import ArraySet
from eap.errors import DataError
from eap.training.checkpoints import load_checkpoint
from eap.training.loop import Trainer
from tests.eap.small_model import SMALL
from tests.eap.training.small_run import poison, small_recipe, small_teachers, weights_sha256, write_small_arrays

ROOT = Path(__file__).resolve().parents[3]
STEPS = 8


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> ArraySet:
    return write_small_arrays(tmp_path_factory.mktemp("arrays") / "a")


def start(arrays: ArraySet, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.eap.training.small_run", "--arrays", str(arrays.root), "--out", str(out)]
    command += ["--phase", "represent", "--steps", str(STEPS), "--checkpoint-every", "2"]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )


def kill_after(process: subprocess.Popen[str], step: int, pause: float) -> None:
    """SIGKILL ``pause`` seconds after the line of ``step``: in a step, or while a checkpoint is written."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.split() == ["step", str(step)]:
            time.sleep(pause)
            break
    process.kill()
    process.wait()
    assert process.returncode == -9


def log_without_times(folder: Path) -> list[dict[str, float]]:
    found = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found]


@pytest.mark.slow
def test_kill_9_at_random_steps_changes_nothing(arrays: ArraySet, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    whole = Trainer(small_recipe("represent", steps=STEPS), arrays, small_teachers(), tmp_path / "whole", config=SMALL)
    whole.run(every=1, checkpoint_every=2)
    rng = random.Random(6)
    for low, high in ((3, 4), (5, 7)):  # past the checkpoint of step 2
        kill_after(start(arrays, tmp_path / "cut"), rng.randint(low, high), rng.uniform(0, 0.1))
        checkpoint = load_checkpoint(tmp_path / "cut" / "represent" / "checkpoint.pt")
        assert checkpoint is not None and 0 < checkpoint["step"] < STEPS
    last = start(arrays, tmp_path / "cut")
    assert last.communicate(timeout=300) is not None
    assert last.returncode == 0
    found, expected = (load_checkpoint(p / "checkpoint.pt") for p in (tmp_path / "cut/represent", tmp_path / "whole"))
    assert found is not None and expected is not None
    for part in ("talker", "ema", "aux", "D"):
        assert weights_sha256(found[part]) == weights_sha256(expected[part]), part
    assert log_without_times(tmp_path / "cut" / "represent") == log_without_times(tmp_path / "whole")
    curves = [(p / "curves.svg").read_text() for p in (tmp_path / "cut/represent", tmp_path / "whole")]
    assert curves[0] == curves[1]


def test_a_loss_that_is_not_finite_names_its_term_and_its_clips(arrays: ArraySet, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    trainer = Trainer(small_recipe("represent"), arrays, small_teachers(), tmp_path, config=SMALL)
    poison(trainer)
    with pytest.raises(DataError) as caught:
        trainer.run(every=1, checkpoint_every=1)
    said = str(caught.value)
    assert "loss is not finite at step 2" in said and "the last checkpoint is kept" in said
    for name in trainer.batches.draw(2).names:
        assert name in said
    kept = load_checkpoint(tmp_path / "checkpoint.pt")
    assert kept is not None and kept["step"] == 2
    assert all(bool(torch.isfinite(t).all()) for t in kept["talker"].values())
    assert [row["step"] for row in log_without_times(tmp_path)] == [1, 2]


def test_a_gradient_that_is_not_finite_stops_before_the_weights_change(arrays: ArraySet, tmp_path: Path) -> None:
    trainer = Trainer(small_recipe("represent"), arrays, small_teachers(), tmp_path, config=SMALL)
    before = weights_sha256(trainer.talker.state_dict())
    weight = trainer.talker.E_A.out[0].weight
    weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(DataError, match=r"gradient of the talker is not finite at step 0: \[M00"):
        trainer.run()
    assert weights_sha256(trainer.talker.state_dict()) == before


def test_a_checkpoint_of_another_scale_is_refused(arrays: ArraySet, tmp_path: Path) -> None:
    from eap.training.parallel import Scale

    rule = small_recipe("represent", steps=1, voice_steps=1)
    Trainer(rule, arrays, small_teachers(), tmp_path, config=SMALL).run()
    Trainer(rule, arrays, small_teachers(), tmp_path, config=SMALL, scale=Scale(prefetch=2))
    with pytest.raises(DataError, match="checkpoint of another scale"):
        Trainer(rule, arrays, small_teachers(), tmp_path, config=SMALL, scale=Scale(micro_batches=2))

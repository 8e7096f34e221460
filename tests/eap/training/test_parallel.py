"""Two processes train what one does with the doubled batch; batches drawn ahead are the same batches."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from eap.data.arrays import ArraySet
from eap.errors import ConfigError
from eap.training import batches as drawing
from eap.training.ahead import Ahead
from eap.training.batches import Batch, Batches
from eap.training.checkpoints import load_checkpoint
from eap.training.loop import Trainer
from eap.training.parallel import Group, Scale, join
from tests.eap.small_model import SMALL
from tests.eap.training.small_run import small_recipe, small_teachers, write_small_arrays

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> ArraySet:
    return write_small_arrays(tmp_path_factory.mktemp("arrays") / "a")


@pytest.fixture(scope="module")
def two_processes(arrays: ArraySet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both small recipes, trained by torchrun with two processes on the CPU (gloo)."""
    out = tmp_path_factory.mktemp("two")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    command += ["tests.eap.training.small_run", "--arrays", str(arrays.root), "--out", str(out), "--micro", "2"]
    command += ["--phase", "represent", "--phase", "neutralize"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def rows(folder: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in found]


def both(trainer: Trainer, step: int) -> Batch:
    """The two micro-batches of a step as one batch of twice the size, row by row in turn."""
    first, second = trainer.batches.draw(step, 0), trainer.batches.draw(step, 1)
    joined: dict[str, Any] = {}
    for name, value in vars(first).items():
        if isinstance(value, Tensor):
            joined[name] = torch.stack([value, getattr(second, name)], 1).flatten(0, 1)
    return dataclasses.replace(first, **joined)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["represent", "neutralize"])
def test_two_processes_equal_one_that_takes_both_shares(
    arrays: ArraySet, two_processes: Path, tmp_path: Path, phase: str
) -> None:
    torch.set_num_threads(1)
    one = Trainer(
        small_recipe(phase), arrays, small_teachers(), tmp_path, config=SMALL, scale=Scale(micro_batches=2)
    ).run(every=1)
    found, expected = rows(two_processes / phase), rows(tmp_path)
    assert len(found) == len(expected) == small_recipe(phase).steps
    for mine, theirs in zip(found, expected, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    state = load_checkpoint(two_processes / phase / "checkpoint.pt")
    assert state is not None
    for name, tensor in one.talker.state_dict().items():
        torch.testing.assert_close(state["ema"][name], tensor, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["represent", "neutralize"])
def test_two_processes_have_the_losses_of_one_with_the_doubled_batch(
    arrays: ArraySet, two_processes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """One pass over all rows. The pixel loss divides by the weights of its batch, hence its wider tolerance."""
    torch.set_num_threads(1)
    monkeypatch.setattr(drawing, "METRIC_CLIPS", 2)
    trainer = Trainer(small_recipe(phase), arrays, small_teachers(), tmp_path, config=SMALL)
    monkeypatch.setattr(trainer.ahead, "draw", lambda step, micro: both(trainer, step))
    trainer.run(every=1)
    for mine, theirs in zip(rows(two_processes / phase), rows(tmp_path), strict=True):
        assert set(mine) == set(theirs)
        for name, value in theirs.items():
            assert mine[name] == pytest.approx(value, rel=0.02, abs=2e-3), (name, mine["step"])


def test_the_log_of_two_processes_has_each_step_once(two_processes: Path) -> None:
    assert [row["step"] for row in rows(two_processes / "represent")] == [1, 2, 3, 4]
    assert (two_processes / "represent" / "curves.svg").exists()
    assert (two_processes / "represent" / "samples.png").exists()


def test_micro_batches_differ_and_the_first_is_the_one_of_a_single_process(arrays: ArraySet) -> None:
    source = Batches(arrays, small_recipe("represent"))
    assert torch.equal(source.draw(3).mel, source.draw(3, 0).mel)
    assert source.draw(3).names == source.draw(3, 0).names
    assert not torch.equal(source.draw(3, 0).mel, source.draw(3, 1).mel)
    assert len(source.draw(3).names) == 8
    assert all("reference M00" in name for name in source.draw(3).names)


def test_micro_batches_are_dealt_out_evenly_or_not_at_all() -> None:
    assert [list(Group(rank, 2).share(6)) for rank in range(2)] == [[0, 2, 4], [1, 3, 5]]
    with pytest.raises(ConfigError, match="3 micro-batches a step cannot be dealt out to 2 processes"):
        Group(0, 2).share(3)
    with pytest.raises(ConfigError, match="precision 'fp8'"):
        Scale(precision="fp8")


def test_a_group_of_one_changes_nothing() -> None:
    alone = Group()
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.tensor([1.0, 2.0])
    alone.mean_gradients([weight])
    assert weight.grad.tolist() == [1.0, 2.0]
    assert alone.mean([0.5], torch.device("cpu")) == [0.5]
    assert alone.any(True, torch.device("cpu")) and not alone.any(False, torch.device("cpu"))


def test_a_launcher_that_forgot_something_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="WORLD_SIZE is 2 but RANK, MASTER_ADDR"):
        join()
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert join("cuda") == (Group(), "cuda")


@pytest.mark.parametrize("depth", [1, 5])
def test_batches_drawn_ahead_are_the_same_in_the_same_order(arrays: ArraySet, depth: int) -> None:
    source = Batches(arrays, small_recipe("neutralize"))
    ahead = Ahead(source.draw, [0, 2], 4, depth)
    for step in range(4):
        for micro in (0, 2):
            expected = source.draw(step, micro)
            found = ahead.draw(step, micro)
            assert found.names == expected.names
            assert torch.equal(found.mel, expected.mel)
    assert ahead.draw(10**9, 0).names == source.draw(10**9, 0).names  # the sample sheet's batch
    ahead.close()


def test_an_error_met_while_drawing_ahead_is_raised_at_its_own_step() -> None:
    def draw(step: int, micro: int) -> Batch:
        if step == 2:
            raise ConfigError("step two")
        return "batch"  # type: ignore[return-value]

    ahead = Ahead(draw, [0], 5, 3)
    assert len([ahead.draw(step, 0) for step in range(2)]) == 2
    with pytest.raises(ConfigError, match="step two"):
        ahead.draw(2, 0)
    ahead.close()

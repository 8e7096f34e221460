"""The shipped plan, end to end on tiny crops: phases, resume, records, exported weights; and what is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from eap.bundle.store import find_entry
from eap.data.arrays import ArraySet
from eap.errors import ConfigError, DataError, WeightsError
from eap.inference import Model
from eap.training.plan import TrainingPlan, load_plan, shortened
from eap.training.real import Job, main, open_arrays, run_plan
from tests.eap.small_model import SMALL
from tests.eap.training.small_run import write_small_arrays

TINY = ["teachers=bundled", "scale.micro_batches=1", "scale.prefetch=1", "checkpoint_every=2", "log_every=1"]
TINY += [f"phases.{name}.{change}" for name in ("ant-wild", "ant", "eap") for change in ("window=8", "picks=1")]
SIZES = [f"model.{name}={list(v) if isinstance(v, tuple) else v}" for name, v in SMALL.to_dict().items()
         if name != "constant_alpha"] + ["discriminator.channels=[8, 8, 8, 8]"]  # fmt: skip


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> ArraySet:
    return write_small_arrays(tmp_path_factory.mktemp("prepared") / "arrays")


def tiny_plan(steps: int = 2) -> TrainingPlan:
    return shortened(load_plan("paper-256", [*TINY, *SIZES]), steps)


@pytest.mark.slow
def test_the_shipped_plan_runs_through_its_phases_and_goes_on_where_it_stopped(
    arrays: ArraySet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.set_num_threads(1)
    options = ["--plan", "paper-256", "--data", str(arrays.root.parent), "--out", str(tmp_path), "--steps", "2"]
    for change in (*TINY, *SIZES):
        options += ["--set", change]
    assert main([*options, "--phase", "ant-wild", "--phase", "ant"]) == 0
    assert main(options) == 0
    said = capsys.readouterr().out
    assert "ant-wild: done before" in said and "ant: done before" in said
    assert "16 clips of 2 people" in said or "32 clips of 2 people" in said
    for name in ("ant-wild", "ant", "eap"):
        folder = tmp_path / name
        assert {"checkpoint.pt", "log.jsonl", "samples.png", "curves.svg", "done.json"} <= {
            p.name for p in folder.iterdir()
        }
        assert json.loads((folder / "done.json").read_text())["processes"] == 1
    entry = find_entry("eap", tmp_path / "weights")
    assert entry.meta.config["people"] == ["M000", "M001"]
    assert entry.meta.config["teachers"][0]["name"] == "teacher"
    model = Model.from_bundle("eap", tmp_path / "weights")
    assert model.emotional and model.prototypes is not None


def test_people_are_left_out_by_name_and_for_missing_emotions(arrays: ArraySet, tmp_path: Path) -> None:
    from eap.training.real import _clips_for

    said: list[str] = []
    plan = dataclasses.replace(tiny_plan(), exclude=("M001",))
    job = Job(plan, arrays, tmp_path, say=said.append)
    assert {clip.identity for clip in _clips_for(job, plan.phase("ant")).clips} == {"M000"}
    partial = ArraySet.open(arrays.root)
    partial.clips = [clip for clip in partial.clips if (clip.identity, clip.emotion) != ("M000", 3)]
    job = Job(tiny_plan(), partial, tmp_path, say=said.append)
    assert {clip.identity for clip in _clips_for(job, plan.phase("eap")).clips} == {"M001"}
    assert said == ["eap: left out, not every emotion is there: M000"]
    assert {clip.identity for clip in _clips_for(job, plan.phase("ant-wild")).clips} == {"M000", "M001"}
    with pytest.raises(DataError, match="no clip for phase 'ant'"):
        _clips_for(Job(plan, partial, tmp_path, say=said.append), plan.phase("ant"))


def test_folders_that_are_not_prepared_say_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "M003" / "video").mkdir(parents=True)
    with pytest.raises(DataError, match=r"not prepared; run: eap-bench data prepare"):
        open_arrays(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        open_arrays(tmp_path / "nothing")
    assert main(["--plan", "paper-256", "--data", str(tmp_path), "--out", str(tmp_path / "o")]) == 2
    assert "error: " in capsys.readouterr().err


def test_a_plan_of_another_size_or_without_its_teachers_stops_before_training(arrays: ArraySet, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"frames of 32 px, the plan's model has 256; prepare them with --size 256"):
        run_plan(Job(load_plan("paper-256"), arrays, tmp_path))
    published = dataclasses.replace(tiny_plan(), teachers="published")
    with pytest.raises(ConfigError, match="folder is not given"):
        run_plan(Job(published, arrays, tmp_path))
    with pytest.raises(WeightsError, match=r"2DFAN4-11f355bf06\.pth\.tar: no such file"):
        run_plan(Job(published, arrays, tmp_path, teachers=tmp_path))
    with pytest.raises(ConfigError, match="ant is not trained yet"):
        run_plan(Job(tiny_plan(), arrays, tmp_path), ("eap",))
    assert not list(tmp_path.glob("*/checkpoint.pt"))


def test_faces_without_landmarks_are_named(tmp_path: Path) -> None:
    from eap.training.real import _some_landmarks

    arrays = write_small_arrays(tmp_path / "a")
    assert _some_landmarks(arrays).shape == (len(arrays.clips), 68, 2)
    arrays._landmarks = np.full_like(arrays._landmarks, np.nan)
    with pytest.raises(DataError, match="no landmarks"):
        _some_landmarks(arrays)

"""The examples of docs/inference.md run, with untrained weights, a face and a voice."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch

import eap
from benchmarks.bundled import load_talker
from benchmarks.fingerprint import ROOT
from eap import media
from eap.bundle.store import WeightsMeta, save_weights
from eap.model.intensity import IntensityRegressor
from eap.perception.teachers import FaceTeacher
from tests.benchmarks.calling import Call
from tests.benchmarks.small_bundle import write_bundle
from tests.eap.inference.samples import scene, sweep, world_face

TEXT = (ROOT / "docs" / "inference.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder, ("eap", "ant"))
    torch.manual_seed(0)
    save_weights("teacher", FaceTeacher(), WeightsMeta("teacher", "FaceTeacher", 101), folder=folder)
    save_weights("psi", IntensityRegressor(), WeightsMeta("teacher", "IntensityRegressor", 102), folder=folder)
    return folder


@pytest.fixture(autouse=True)
def _folder(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eap.bundle.store.BUNDLE_DIR", bundle)
    monkeypatch.chdir(tmp_path)
    load_talker.cache_clear()
    media.write_image("face.png", world_face())
    media.write_image("photo.png", scene(world_face(), [(200, 90)]))
    media.write_audio("voice.wav", sweep(0.4, 48000), 48000)
    Path("rise.csv").write_text("seconds,intensity\n0,0\n0.4,1\n")


def test_there_is_something_to_run() -> None:
    assert len(PYTHON) >= 4
    assert len(SHELL) >= 4


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_runs(number: int) -> None:
    shown: list[np.ndarray] = []
    names = {"show": shown.append, "microphone": lambda: np.array_split(sweep(0.4, 48000), 7)}
    exec(compile(PYTHON[number], f"docs/inference.md, example {number}", "exec"), names)  # noqa: S102
    if "stream" in names:
        assert sum(map(len, shown)) == 10
    if "z_face" in names:
        assert np.asarray(names["z_face"]).shape == (10, eap.load("eap").talker.config.latent)


@pytest.mark.parametrize("line", SHELL)
def test_commands_run(line: str, call: Call) -> None:
    words = shlex.split(line)
    assert words[0] == "eap-bench"
    said = call(*words[1:])
    assert said.code == 0, said.err
    assert Path(words[words.index("--out") + 1]).is_file()

"""The official set put together from files, with a face finder that needs no package."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import metrics
from benchmarks.evidence.recipe import recipe_state
from eap.errors import ConfigError, MeasureError, WeightsError
from eap.files import sha256_file
from eap.media import write_video
from metrics.evaluators import get_evaluators
from metrics.evaluators.faces import Floats, FoundFaces, Frame, Frames, Remembering, nothing_found
from metrics.evaluators.fan import FanFaces
from metrics.evaluators.hsemotion import preprocess
from metrics.evaluators.mediapipe import IBUG_68, MediapipeFaces
from metrics.evaluators.official import NO_IDENTITY, OfficialEvaluators
from metrics.evaluators.syncnet import SyncNet
from metrics.features.extract import extract
from metrics.mfcc import mfcc
from metrics.sync import sync_score
from tests.metrics.evaluators.onnx_writer import write_onnx
from tests.metrics.evaluators.recipe import pictures, sound

WEIGHT = np.random.default_rng(1).standard_normal((3, 10)).astype(np.float32)


class Corner:
    """Sees a face in the upper left of every frame but dark ones; two faces in every third."""

    name = "corner"

    def __init__(self) -> None:
        self.seen = 0

    def weights(self) -> dict[str, str]:
        return {"corner": "1"}

    def find(self, frames: Frames) -> FoundFaces:
        self.seen += len(frames)
        found = nothing_found(len(frames))
        for i, frame in enumerate(frames):
            if frame.max() > 40:
                found.boxes[i], found.counts[i] = (4, 6, 60, 70), 1 + (i % 3 == 0)
                found.landmarks[i] = np.arange(136).reshape(68, 2) % 97
        return found

    def boxes(self, frame: Frame, scale: float, threshold: float) -> Floats:
        return np.array([[10, 10, 190, 200]], np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("published")
    torch.save(recipe_state(SyncNet().state_dict()), folder / "syncnet_v2.model")
    write_onnx(folder / "enet_b0_8_va_mtl.onnx", WEIGHT, np.zeros(10, np.float32))
    return {"syncnet": folder / "syncnet_v2.model", "hsemotion-va": folder / "enet_b0_8_va_mtl.onnx"}


def _set(files: dict[str, Path], **options: str) -> OfficialEvaluators:
    return OfficialEvaluators(files=files, finder=Corner(), **options)  # type: ignore[arg-type]


@pytest.fixture
def talking(tmp_path: Path) -> Path:
    """8 frames of 224 pixels with sound."""
    path = tmp_path / "talking.mp4"
    write_video(path, pictures(8, 224), audio=sound(8 * 640).astype(np.float32) / 32768, crf=10)
    return path


def test_needs_labels_and_reasons(files: dict[str, Path]) -> None:
    official = _set(files)
    assert official.provides == {"landmarks", "emotion", "affect", "sync", "faces"}
    assert official.why_not("identity") == NO_IDENTITY
    assert "'eap-bench weights fetch inception'" in official.why_not("features")
    sha256 = sha256_file(files["syncnet"])
    assert official.label("sync") == f"official-syncnet_v2-{sha256[:8]}@lrs-frame"
    assert official.label("affect").startswith("official-enet_b0_8_va_mtl-")
    assert official.label("affect").endswith("@corner")
    assert _set(files, sync_crop="fan-224").label("sync").endswith("@fan-224")
    assert official.weights()["syncnet"] == sha256
    assert pickle.loads(pickle.dumps(official)).label("sync") == official.label("sync")
    with pytest.raises(ValueError, match="unknown crop 'nose', choose one of: lrs-frame, s3fd-track"):
        _set(files, sync_crop="nose")


def test_faces_are_judged_in_their_boxes(files: dict[str, Path]) -> None:
    frames = pictures(5, 96)
    frames[3] = 0
    found = _set(files).read(frames, frozenset({"emotion", "affect", "landmarks", "faces"}))
    expected = preprocess(frames[1, 6:70, 4:60], 224).mean(axis=(1, 2)) @ WEIGHT
    assert found["affect"][1] == pytest.approx(expected[8:], abs=1e-4)
    assert np.isnan(found["emotion"][3]).all()
    assert np.isnan(found["landmarks"][3]).all()
    assert found["emotion"][[0, 1, 2, 4]].sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert found["faces"].tolist() == [2, 1, 1, 0, 1]


def test_a_block_is_looked_at_once() -> None:
    corner = Corner()
    finder = Remembering(corner)
    frames = pictures(3, 96)
    assert finder.find(frames) is finder.find(frames)
    finder.find(frames.copy())
    assert corner.seen == 6


def test_sync_through_a_file(files: dict[str, Path], talking: Path) -> None:
    official = _set(files)
    found = extract(talking, official, frozenset({"sync", "identity"}), cache=False, chunk=64)
    video, audio = found.sync()
    assert video.shape == audio.shape == (3, 1024)  # min(frames, sound) - 5
    assert found.missing["identity"] == NO_IDENTITY
    frames = pictures(8, 224)[..., ::-1]
    rows = np.pad(mfcc(sound(8 * 640)), ((0, 1), (0, 0)), mode="edge").astype(np.float32)
    direct = official.sync(np.ascontiguousarray(frames), rows)
    # The film is compressed, so about the same: distances of random networks are in the thousands.
    distances = sync_score(direct[0][:-1], direct[1][:-1]).mean_distances
    assert sync_score(video, audio).mean_distances == pytest.approx(distances, rel=0.1)


def test_crops_that_need_the_whole_clip(files: dict[str, Path], talking: Path) -> None:
    fan = extract(talking, _set(files, sync_crop="fan-224"), frozenset({"sync"}), cache=False, chunk=3)
    assert fan.sync()[0].shape == (3, 1024)
    track = extract(talking, _set(files, sync_crop="s3fd-track"), frozenset({"sync"}), cache=False)
    assert track.missing["sync"] == "no face track of more than 100 frames and 100 pixels (8 frames, a face in 8)"


def test_asked_for_by_name_is_an_error_else_a_row(files: dict[str, Path], talking: Path) -> None:
    official = _set(files)
    with pytest.raises(MeasureError, match="csim: there is no identity network"):
        metrics.score(talking, talking, metrics=["csim"], evaluators=official)
    with pytest.raises(ConfigError, match="sync_crop goes with evaluators given by name"):
        metrics.score(talking, talking, metrics=["lse_c"], evaluators=official, sync_crop="fan-224")


def test_nothing_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EAP_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("metrics.evaluators.fan.installed", lambda: False)
    with pytest.raises(WeightsError, match=r"not one is there: .*syncnet_v2\.model: no such file.*fetch"):
        get_evaluators("official")
    with pytest.raises(ConfigError, match="unknown crop 'nose'; choose one of: lrs-frame"):
        get_evaluators("official", "nose")
    with pytest.raises(ConfigError, match="the bundled evaluators have one of their own"):
        get_evaluators("bundled", "fan-224")


def test_a_teacher_is_refused(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = sha256_file(files["syncnet"])
    monkeypatch.setattr(
        "metrics.evaluators.independence.teacher_problems",
        lambda weights, folder=None: ["syncnet: taught the model 'mine'"] if sha256 in weights.values() else [],
    )
    with pytest.raises(WeightsError, match="a teacher cannot be an evaluator: syncnet: taught the model 'mine'"):
        _set(files)


def test_extras_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metrics.evaluators.fan.installed", lambda: False)
    with pytest.raises(WeightsError, match=r"pip install 'eap-bench\[official\]'"):
        FanFaces((Path("s3fd"), "a"), (Path("fan"), "b"))
    monkeypatch.setattr("metrics.evaluators.mediapipe.installed", lambda: False)
    with pytest.raises(WeightsError, match=r"pip install 'eap-bench\[mediapipe\]'"):
        MediapipeFaces()


def test_mesh_points() -> None:
    assert len(IBUG_68) == len(set(IBUG_68)) == 68
    assert max(IBUG_68) < 468

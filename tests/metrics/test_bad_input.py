"""Whatever is wrong with a clip, it stays a counted row with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import metrics
from eap.data.truth import Truth, save_truth
from eap.media import write_video
from metrics.measure import measure_clip, set_up
from metrics.protocols import STRICT
from metrics.registry import EVALUATOR_NEEDS, Need, all_metrics
from metrics.results import ClipReading, ClipValue, ResultTable
from tests.metrics.fakes import FakeEvaluators, Floats, Frames, make_clip, moving_frames, voice

READING = ClipReading("m", "neutral", "c1", "M003", "happy", 3, "neutral")
FACES = ("landmarks", "emotion", "affect")


class Losing(FakeEvaluators):
    """Finds no face in some frames (of all it sees), and several in others."""

    def __init__(self, lost: slice, crowded: slice = slice(0, 0)) -> None:
        super().__init__()
        self.lost, self.crowded = lost, crowded
        counted: frozenset[Need] = frozenset({"faces"})
        self.provides = EVALUATOR_NEEDS | counted

    def read(self, frames: Frames, needs: frozenset[Need]) -> Mapping[Need, Floats]:
        found = dict(super().read(frames, needs))
        for need, array in found.items():
            if need in FACES:
                array[self.lost] = np.nan
        count = np.ones(len(frames), np.float32)
        count[self.crowded] = 2
        return {**found, "faces": count}


def _values(path: Path, reference: Path, evaluators: FakeEvaluators) -> dict[str, ClipValue]:
    names = [item.spec.name for item in all_metrics() if item.clip is not None and "quality" not in item.spec.needs]
    setup = set_up(names, STRICT, evaluators, world="embedded", truth="pseudo")
    return {v.metric: v for v in measure_clip(path, reference, READING, setup, cache=False).values}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return make_clip(tmp_path / "a.mp4", seed=1), make_clip(tmp_path / "b.mp4", seed=2)


def test_faces_lost_in_some_frames(pair: tuple[Path, Path]) -> None:
    found = _values(*pair, Losing(slice(0, 6)))
    for name in ("m_lmd", "f_lmd_px", "intensity_rmse", "valence_pcc", "emotion_accuracy", "neutral_residual"):
        assert found[name].scored, name
        assert "face lost in 6 of 30 frames" in found[name].reason, name
    assert found["psnr"].reason == ""


def test_faces_lost_in_all_frames(pair: tuple[Path, Path]) -> None:
    found = _values(*pair, Losing(slice(None)))
    for name in ("m_lmd", "intensity_pcc", "emotion_accuracy", "lip_dynamics", "neutral_probability"):
        assert not found[name].scored, name
        assert found[name].expected, name
        assert found[name].reason, name
    assert found["psnr"].scored


def test_more_than_one_face(pair: tuple[Path, Path]) -> None:
    found = _values(*pair, Losing(slice(0, 0), crowded=slice(0, 4)))
    assert found["m_lmd"].reason == "more than one face in 4 of 30 frames: the largest was taken"
    assert found["m_lmd"].scored
    assert found["psnr"].reason == ""


def test_frame_rates_that_differ(tmp_path: Path, fake: FakeEvaluators) -> None:
    reference = make_clip(tmp_path / "b.mp4", seed=1)
    fast = tmp_path / "fast.mp4"
    write_video(fast, moving_frames(36, 1), fps=30.0, audio=voice(30, 1))
    found = _values(fast, reference, fake)
    assert found["psnr"].scored
    assert found["psnr"].reason == "frame rate: 30 fps, reference has 25; read at 25"
    assert "frame rate" in found["m_lmd"].reason


def test_one_frame(tmp_path: Path, fake: FakeEvaluators) -> None:
    one, other = make_clip(tmp_path / "a.mp4", n=1), make_clip(tmp_path / "b.mp4", n=1)
    found = _values(one, other, fake)
    assert found["psnr"].scored
    for name in ("intensity_pcc", "lse_c", "lip_dynamics"):
        assert not found[name].scored, name
        assert found[name].reason, name


def _truth(n: int, valence: float | None) -> Truth:
    course = np.linspace(0.1, 0.9, n) if valence is None else np.full(n, valence)
    zeros = np.zeros(n, np.float32)
    return Truth(
        25.0, np.zeros((n, 68, 2), np.float32), course.astype(np.float32), course.astype(np.float32), zeros,
        np.zeros((n, 1), np.float32), ("AU1",), np.array(["a"] * n), np.zeros((n, 8), np.float32),
        np.zeros((n, 3), np.float32), zeros,
    )  # fmt: skip


def _scored(root: Path, fake: FakeEvaluators) -> ResultTable:
    names = ["intensity_pcc", "intensity_rmse", "valence_sagr", "psnr"]
    return metrics.score(root / "made", root / "true", metrics=names, evaluators=fake)


def test_truth_that_is_no_number_or_constant_or_damaged(tmp_path: Path, fake: FakeEvaluators) -> None:
    for i, valence in enumerate((None, 0.5, None, None)):
        for side in ("made", "true"):
            make_clip(tmp_path / side / f"c{i}.mp4", seed=i)
        save_truth(tmp_path / "true" / f"c{i}.truth.npz", _truth(30, valence))
    with np.load(tmp_path / "true" / "c2.truth.npz") as stored:
        fields = {name: stored[name] for name in stored.files}
    fields["valence"] = np.full(30, np.nan, np.float32)
    np.savez(tmp_path / "true" / "c2.truth.npz", **fields)
    (tmp_path / "true" / "c3.truth.npz").write_bytes(b"no archive")
    table = _scored(tmp_path, fake)
    assert {v.metric: (v.n_scored, v.n_expected) for v in table.values} == {
        "intensity_pcc": (1, 3), "intensity_rmse": (2, 4), "valence_sagr": (2, 4), "psnr": (4, 4),
    }  # fmt: skip
    reasons = {(row.metric, row.clip_id): row.reason for row in table.clip_values}
    assert "not finite" in reasons["intensity_rmse", "c2"]
    assert "not a truth file" in reasons["valence_sagr", "c3"]
    assert reasons["intensity_pcc", "c1"].startswith("not applicable: true intensity hardly moves")
    assert "1 of 4 clips are outside the definition" in table.value("intensity_pcc").note

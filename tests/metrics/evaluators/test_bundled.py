from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from eap.bundle.store import WeightsMeta, save_weights
from eap.errors import ConfigError, WeightsError
from eap.perception import zoo
from metrics.evaluators import get_evaluators
from metrics.evaluators.bundled import BundledEvaluators
from metrics.features.extract import extract
from metrics.registry import EVALUATOR_NEEDS
from tests.metrics.fakes import make_clip, moving_frames

NETWORKS = (zoo.EMOTION, zoo.LANDMARKS, zoo.IDENTITY, zoo.SYNC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of untrained networks."""
    root = tmp_path_factory.mktemp("bundle")
    for i, name in enumerate(NETWORKS):
        torch.manual_seed(i)
        module = zoo.BUILD[name]()
        save_weights(name, module, WeightsMeta("evaluator", type(module).__name__, i), folder=root)
    return root


def test_reads_every_frame_alone(folder: Path) -> None:
    judges = BundledEvaluators(folder)
    frames = moving_frames(6, size=96)
    together = judges.read(frames, EVALUATOR_NEEDS)
    assert {need: array.shape[1:] for need, array in together.items()} == {
        "emotion": (8,), "affect": (2,), "features": (128,), "landmarks": (68, 2), "identity": (128,),
    }  # fmt: skip
    for i in range(6):
        alone = judges.read(frames[i : i + 1], EVALUATOR_NEEDS)
        for need, array in together.items():
            assert np.allclose(alone[need][0], array[i], atol=1e-4), need
    assert np.allclose(together["emotion"].sum(axis=1), 1.0, atol=1e-5)
    assert set(judges.read(frames, frozenset({"landmarks"}))) == {"landmarks"}


def test_landmarks_are_pixels_of_the_frame_given(folder: Path) -> None:
    judges = BundledEvaluators(folder)
    frame = moving_frames(1, size=96)
    wide = np.repeat(frame, 2, axis=2)
    small, large = (judges.read(f, frozenset({"landmarks"}))["landmarks"] for f in (frame, wide))
    assert large[..., 0].max() > 96 > small[..., 0].max()
    assert large[..., 1].max() <= 96


def test_signature_labels_carry_the_hash(folder: Path) -> None:
    judges = BundledEvaluators(folder)
    digest = judges.weights()[zoo.EMOTION][:8]
    assert judges.label("features") == judges.label("affect") == f"bundled-emotion-{digest}"
    assert set(judges.weights()) == set(NETWORKS)
    assert judges.embedded_only


def test_whole_clip_in_blocks(folder: Path, tmp_path: Path) -> None:
    judges: BundledEvaluators = pickle.loads(pickle.dumps(BundledEvaluators(folder)))
    path = make_clip(tmp_path / "a.mp4", n=20, size=96)
    whole, blocks = (extract(path, judges, cache=False, chunk=chunk) for chunk in (64, 7))
    assert whole.sync()[0].shape == (15, 128)
    for name in ("landmarks", "emotion", "affect", "identity", "sync_video", "sync_audio", "features"):
        assert np.allclose(getattr(whole, name), getattr(blocks, name), atol=1e-4), name


def test_missing_weights_and_unknown_sets_say_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=f"no weights '{zoo.EMOTION}'"):
        BundledEvaluators(tmp_path)
    with pytest.raises(ConfigError, match="unknown evaluators 'best'; choose one of: bundled"):
        get_evaluators("best")

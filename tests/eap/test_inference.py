"""Generation: exact over windows, flat in length, honest about its input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from eap import inference
from eap.bundle.store import WeightsMeta, save_weights
from eap.constants import EMOTIONS
from eap.errors import ConfigError, DataError, WeightsError
from eap.inference import Model
from eap.model import Talker
from tests.eap.small_model import SMALL


@pytest.fixture
def talker() -> Talker:
    torch.manual_seed(3)
    talker = Talker(SMALL)
    torch.nn.init.normal_(talker.expression.out.weight)
    return talker


@pytest.fixture
def model(talker: Talker) -> Model:
    return Model(talker, name="test", emotional=True, prototypes=torch.randn(8, 24))


def voice(seconds: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    return (0.1 * rng.normal(size=int(16000 * seconds))).astype(np.float32)


IMAGE = np.random.default_rng(1).integers(0, 256, (40, 32, 3), np.uint8)


def test_one_frame_per_25th_of_a_second(model: Model) -> None:
    out = model.generate(IMAGE, voice(1.3))
    assert out.frames.shape == (32, 32, 32, 3)
    assert out.frames.dtype == np.uint8
    assert len(out.audio) == (32 * 640)
    assert out.latents.emotion_probability.sum() == pytest.approx(1, abs=1e-5)


def test_windows_change_nothing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip of several windows equals one pass over all of it."""
    audio = voice(6.0)
    whole = model.explain(IMAGE, audio)
    monkeypatch.setattr(inference, "WINDOW", 31)
    cut = model.explain(IMAGE, audio)
    for name in ("z_lip", "alpha", "z_exp", "e", "emotion_probability"):
        assert np.allclose(getattr(whole, name), getattr(cut, name), atol=2e-5), name


def test_controls(model: Model) -> None:
    audio = voice(0.6)
    plain = model.explain(IMAGE, audio)
    doubled = model.explain(IMAGE, audio, intensity_scale=2.0)
    assert np.allclose(doubled.alpha, 2 * plain.alpha)
    assert model.prototypes is not None
    happy = model.explain(IMAGE, audio, emotion="happy")
    assert np.allclose(happy.z_exp, model.prototypes[EMOTIONS.index("happy")].numpy())
    with pytest.raises(ConfigError, match="unknown emotion 'glad'"):
        model.generate(IMAGE, audio, emotion="glad")


def test_neutralize_ignores_the_emotional_path(model: Model, talker: Talker) -> None:
    before = model.neutralize(IMAGE)
    assert before.shape == (32, 32, 3)
    with torch.no_grad():
        for p in talker.expression.parameters():
            p.mul_(3)
    assert np.array_equal(model.neutralize(IMAGE), before)


@pytest.mark.parametrize(
    ("audio", "complaint"),
    [
        (np.zeros(100, np.float32), "shorter than one video frame"),
        (np.full(16000, np.nan, np.float32), "NaN"),
        (np.zeros((16000, 2), np.float32), "one channel"),
    ],
)
def test_bad_audio_is_named(model: Model, audio: np.ndarray, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        model.generate(IMAGE, audio)


def test_bad_images_are_named(model: Model) -> None:
    for image in (np.zeros((40, 40), np.uint8), np.zeros((8, 8, 3), np.uint8)):
        with pytest.raises(DataError, match="image of shape"):
            model.generate(image, voice(0.2))


def test_bundle_round_trip_and_foreign_weights(talker: Talker, tmp_path: Path) -> None:
    config = {"model": SMALL.to_dict(), "emotional": True}
    state = {**talker.state_dict(), "prototypes": torch.zeros(8, 24)}
    save_weights("mine", state, WeightsMeta("model", "Talker", 0, config=config), folder=tmp_path)
    loaded = Model.from_bundle("mine", tmp_path)
    direct = Model(talker, name="mine", emotional=True)
    a, b = loaded.generate(IMAGE, voice(0.3)).frames, direct.generate(IMAGE, voice(0.3)).frames
    assert np.abs(a.astype(int) - b.astype(int)).max() <= 2, "float16 storage costs at most a level or two"
    save_weights("judge", {"w": torch.zeros(1)}, WeightsMeta("evaluator", "X", 1), folder=tmp_path)
    with pytest.raises(WeightsError, match="not the weights of a talking-face model"):
        Model.from_bundle("judge", tmp_path)

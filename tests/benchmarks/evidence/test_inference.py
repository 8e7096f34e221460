"""The inference script, each part once, with a small model and a short voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.evidence import inference
from eap import media
from eap.bundle.store import WeightsMeta, save_weights
from eap.model import Talker
from tests.eap.small_model import SMALL


@pytest.fixture(autouse=True)
def _small_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    talker = Talker(SMALL)
    torch.nn.init.normal_(talker.expression.out.weight)
    config = {"model": SMALL.to_dict(), "emotional": True}
    save_weights("eap", talker, WeightsMeta("model", "Talker", 0, config=config), folder=tmp_path / "b")
    monkeypatch.setattr("eap.bundle.store.BUNDLE_DIR", tmp_path / "b")


def test_a_voice_is_as_long_as_wanted_and_never_still() -> None:
    voice = inference.speech(20.0)
    assert voice.shape == (320000,)
    assert np.abs(voice.reshape(20, -1)).max(axis=1).min() > 0.01


def test_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "convolution_rate", lambda: {"gmac_per_second": 1e-3})
    figures = inference.speed("eap", 1, 1.0)
    assert figures["size"] == 32
    model = figures["model"]
    slower = min(model["draw_frames_per_second"], model["listen_frames_per_second"])
    assert 0 < model["frames_per_second"] < slower * 1.01
    work = figures["gmac"]
    assert work["frame"] == pytest.approx(work["generator"] + work["voice"])
    assert model["share_of_convolution_rate"] == pytest.approx(model["gmac_per_second"] / 1e-3)
    for place in figures["file_to_file"].values():
        assert place["range"][0] <= place["times_real_time"] <= place["range"][1]


def test_multiplications_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer of 8 x 8 weights on 16 vectors is 1,024 multiplications: half of what the counter counts."""
    model = inference.loaded("eap")
    layer = torch.nn.Linear(8, 8, bias=False)
    monkeypatch.setattr("eap.inference.painting.Painter.paint", lambda *_: layer(torch.zeros(16, 8)))
    assert inference.work(model)["generator"] == pytest.approx(16 * 64 / 1e9 / 16)


def test_streaming() -> None:
    figures = inference.streaming("eap", 1, 2)
    assert figures["delay_of_sound_ms"] == pytest.approx(200)
    assert figures["first_frame_latency_ms"]["median"] > 200
    against = figures["against_the_whole_clip"]
    assert against["all"]["alpha_correlation"] > 0.999
    assert against["all"]["alpha_rmse"] < 1e-4
    assert against["0"]["alpha_rmse"] > against["all"]["alpha_rmse"]


def test_memory(tmp_path: Path) -> None:
    media.write_audio(tmp_path / "v.wav", inference.speech(1.0), 16000)
    figures = inference.memory("eap", 1, str(tmp_path / "v.wav"))
    assert figures["seconds"] == 1.0
    assert figures["peak_mb"] > 50


def test_convolution_rate_is_of_this_machine() -> None:
    assert 0.1 < inference.convolution_rate()["gmac_per_second"] < 1e5

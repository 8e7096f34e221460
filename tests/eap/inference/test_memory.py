"""Long voices in flat memory; the ten-minute measurement is `benchmarks.evidence.inference`."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from eap import media
from eap.inference import Model
from eap.inference.listening import Listener, context
from tests.eap.inference.samples import IMAGE, voice
from tests.eap.small_model import SMALL


def peak_bytes(model: Model, out: Path, sound: Path) -> int:
    tracemalloc.start()
    try:
        model.write(out, IMAGE, sound)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_four_times_the_voice_takes_no_more_memory(model: Model, tmp_path: Path) -> None:
    """30 s more are 1.9 MB of samples and 2.3 MB of frames; what is kept of them is 164 bytes a frame."""
    media.write_audio(tmp_path / "short.wav", voice(10.0), 16000)
    media.write_audio(tmp_path / "long.wav", voice(40.0), 16000)
    model.write(tmp_path / "o.mp4", IMAGE, tmp_path / "short.wav")  # what is loaded once is no part of it
    short = peak_bytes(model, tmp_path / "o.mp4", tmp_path / "short.wav")
    long = peak_bytes(model, tmp_path / "o.mp4", tmp_path / "long.wav")
    assert media.probe(tmp_path / "o.mp4").n_frames == 1000
    assert long - short < 600_000


@pytest.mark.parametrize(("step", "ahead"), [(160, None), (1, 4), (1, 0), (8, None)])
def test_a_listener_keeps_what_it_needs_and_forgets_the_rest(model: Model, step: int, ahead: int | None) -> None:
    listener = Listener(model.talker, torch.zeros(1, 24), emotional=True, step=step, ahead=ahead)
    second = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    first, held = 0, []
    for _ in range(16):
        for heard in listener.push(second):
            assert heard.first == first
            first += len(heard)
        held.append(sum(x.nbytes for x in vars(listener).values() if isinstance(x, np.ndarray | torch.Tensor)))
    first += sum(map(len, listener.close()))
    assert first == listener.frames == 400
    # A piece, its future, a second that was pushed at once; the context before it, and a frame's sound and two tokens.
    frames = step + listener.ahead + 25 + context(SMALL)
    assert max(held) <= frames * (640 * 4 + 2 * SMALL.token * 4) + 1000

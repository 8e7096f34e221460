from __future__ import annotations

from pathlib import Path

import numpy as np

from eap.media import read_image
from eap.synth.clip import ClipSpec
from eap.synth.sheet import emotions_sheet, sequence_sheet, spectrogram_sheet, visemes_sheet


def test_sheets_are_pictures_with_one_tile_per_case(tmp_path: Path) -> None:
    emotions = read_image(emotions_sheet(tmp_path / "emotions.png", identities=(0,)))
    assert emotions.shape[0] >= 3 * 128
    assert emotions.shape[1] >= 8 * 128
    # The angry tile of level 3 is not the neutral one beside it in the same row.
    row = emotions[-128:, -8 * 128 :]
    angry, neutral = row[:, :128], row[:, 5 * 128 : 6 * 128]
    assert np.abs(angry.astype(int) - neutral).mean() > 1
    mouths = read_image(visemes_sheet(tmp_path / "visemes.png", emotions=("neutral",)))
    assert mouths.shape[1] >= 16 * 128


def test_sequences_and_voices_are_drawn(tmp_path: Path) -> None:
    path = sequence_sheet(tmp_path / "sequence.png", [ClipSpec(0, "happy", 3, 1, seconds=0.16)], pictures=2)
    assert read_image(path).shape[0] >= 2 * 128
    assert read_image(spectrogram_sheet(tmp_path / "voices.png", identities=(0,))).std() > 10

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from metrics.ssim import C1, C2, frame_ssim

Image = NDArray[np.uint8]


def _frame(seed: int, height: int = 13, width: int = 17) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_by_hand() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    # No variance on either side: what is left is (2*0*255 + C1) / (255^2 + C1).
    assert frame_ssim(black, white) == pytest.approx(C1 / (255**2 + C1), abs=1e-15)
    assert frame_ssim(white, white) == 1.0


def test_one_window_by_hand() -> None:
    x = np.zeros((7, 7, 3), np.uint8)
    x[0, 0] = 49  # mean 1, sample variance (49^2 - 49) / 48 = 49
    y = np.zeros((7, 7, 3), np.uint8)
    expected = (C1 * C2) / ((1 + C1) * (49 + C2))
    assert frame_ssim(x, y) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(7, 40), st.integers(7, 40))
def test_equals_skimage_both_ways_round(seed: int, height: int, width: int) -> None:
    a, b = _frame(seed, height, width), _frame(seed + 1, height, width)
    b = ((a.astype(int) * 3 + b) // 4).astype(np.uint8)
    expected = structural_similarity(a, b, channel_axis=-1)  # type: ignore[no-untyped-call]
    assert frame_ssim(a, b) == pytest.approx(expected, abs=1e-10)
    assert frame_ssim(a, b) == frame_ssim(b, a)


@given(st.integers(0, 200))
def test_mirroring_both_changes_nothing(seed: int) -> None:
    a, b = _frame(seed), _frame(seed + 1)
    flipped = frame_ssim(np.ascontiguousarray(a[:, ::-1]), np.ascontiguousarray(b[:, ::-1]))
    assert flipped == pytest.approx(frame_ssim(a, b), abs=1e-12)


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        frame_ssim(_frame(0), _frame(0, 14))
    with pytest.raises(ValueError, match="at least 7x7"):
        frame_ssim(_frame(0, 6), _frame(0, 6))


@pytest.mark.parametrize("clip", ["bbaf2n", "id2_vcd_swwp2s"])
def test_golden(shared_dir: Path, clip: str) -> None:
    golden = json.loads((shared_dir / "reference/image/golden.json").read_text())["clips"][clip]
    frames = np.load(shared_dir / f"reference/image/{clip}_first6.npz")
    for kind in ("crf35", "blur"):
        expected = golden[kind]["per_frame"]["skimage_ssim_uniform7"][:6]
        found = [frame_ssim(a, b) for a, b in zip(frames["reference"], frames[kind], strict=True)]
        assert found == pytest.approx(expected, abs=1e-6)

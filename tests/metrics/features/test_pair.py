from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from eap.media import read_frames
from metrics.features.pair import compare
from metrics.protocols import STRICT
from tests.metrics.fakes import make_clip


def test_equals_skimage_frame_by_frame(tmp_path: Path) -> None:
    good, bad = make_clip(tmp_path / "a.mp4"), make_clip(tmp_path / "b.mp4", crf=40)
    found = compare(bad, good, STRICT)
    pairs = zip(*(np.concatenate(list(read_frames(path))) for path in (good, bad)), strict=True)
    expected = [
        (peak_signal_noise_ratio(a, b), structural_similarity(a, b, channel_axis=-1))  # type: ignore[no-untyped-call]
        for a, b in pairs
    ]
    assert found.series("psnr") == pytest.approx([e[0] for e in expected], abs=1e-6)
    assert found.series("ssim") == pytest.approx([e[1] for e in expected], abs=1e-6)
    again = compare(bad, good, STRICT)  # from the cache
    assert np.array_equal(again.series("psnr"), found.series("psnr"))


def test_one_frame_more_is_paired_two_are_a_reason(tmp_path: Path) -> None:
    a, b, c = (make_clip(tmp_path / f"{n}.mp4", n=n) for n in (30, 31, 33))
    assert len(compare(a, b, STRICT).series("ssim")) == 30
    assert len(compare(b, a, STRICT).series("ssim")) == 30
    found = compare(a, c, STRICT)
    assert found.psnr is None
    assert found.reason == "length differs: 30 frames, reference has 33"


def test_other_size_and_bad_files_are_reasons(tmp_path: Path) -> None:
    a = make_clip(tmp_path / "a.mp4")
    assert compare(a, make_clip(tmp_path / "b.mp4", size=48), STRICT).reason == (
        "frame size differs: 32x32, reference has 48x48"
    )
    (tmp_path / "c.mp4").write_bytes(b"")
    assert "c.mp4" in compare(tmp_path / "c.mp4", a, STRICT).reason
    assert "none.mp4" in compare(a, tmp_path / "none.mp4", STRICT).reason

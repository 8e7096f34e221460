from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from metrics.features.clip import ClipFeatures, Measured
from metrics.registry import Unmeasurable
from metrics.sync import av_offset, lse_c, lse_d, sync_score

Embeddings = NDArray[np.float32]


def _embeddings(seed: int, n: int) -> Embeddings:
    return np.random.default_rng(seed).standard_normal((n, 8)).astype(np.float32)


def test_by_hand() -> None:
    video = np.array([[3.0, 0.0], [0.0, 3.0]])
    score = sync_score(video, video, vshift=1)
    # Shift 0 fits (but for torch's 1e-6 per dimension); at shifts -1 and 1 one window meets silence (distance 3)
    # and the other meets the wrong window (distance sqrt(18)).
    assert score.mean_distances == pytest.approx([(3 + np.sqrt(18)) / 2, np.sqrt(2) * 1e-6, (3 + np.sqrt(18)) / 2])
    assert score.offset == 0
    assert score.lse_c == pytest.approx((3 + np.sqrt(18)) / 2, abs=1e-5)


@given(st.integers(-6, 6), st.integers(0, 50))
def test_offset_is_the_shift(shift: int, seed: int) -> None:
    content = _embeddings(seed, 80)
    audio, video = content[10:60], content[10 + shift : 60 + shift]
    assert sync_score(video, audio).offset == -shift


@given(st.integers(0, 100))
def test_rotating_the_space_changes_nothing(seed: int) -> None:
    video, audio = _embeddings(seed, 30), _embeddings(seed + 1, 30)
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((8, 8)))[0]
    first, second = sync_score(video, audio), sync_score(video @ rotation, audio @ rotation)
    assert second.mean_distances == pytest.approx(first.mean_distances, rel=1e-4)


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="equal"):
        sync_score(_embeddings(0, 5), _embeddings(0, 6))
    with pytest.raises(ValueError, match="empty"):
        sync_score(_embeddings(0, 0), _embeddings(0, 0))


def test_metrics_read_the_clip() -> None:
    video = _embeddings(3, 40)
    clip = ClipFeatures("k", 45, 96, 96, 25.0, True, sync_video=video, sync_audio=video)
    score = sync_score(video, video)
    found = (lse_c(Measured(clip)), lse_d(Measured(clip)), av_offset(Measured(clip)))
    assert found == (score.lse_c, score.lse_d, 0.0)
    silent = ClipFeatures("k", 45, 96, 96, 25.0, False, missing={"sync": "no audio stream"})
    with pytest.raises(Unmeasurable, match="generated: no audio stream"):
        lse_c(Measured(silent))


def test_golden_equals_calc_pdist(shared_dir: Path) -> None:
    golden = json.loads((shared_dir / "reference/syncnet/golden.json").read_text())["pdist_synthetic"]["cases"]
    arrays = np.load(shared_dir / "reference/syncnet/pdist_embeddings.npz")
    assert len(golden) >= 5
    for name, expected in golden.items():
        score = sync_score(arrays[f"{name}_v"], arrays[f"{name}_a"])
        assert score.mean_distances == pytest.approx(expected["mdist"], abs=1e-5)
        assert score.offset == expected["offset"]
        assert (score.lse_d, score.lse_c) == pytest.approx((expected["lse_d"], expected["lse_c"]), abs=1e-5)

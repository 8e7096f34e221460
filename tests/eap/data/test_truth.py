from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eap.data.truth import Truth, load_truth, save_truth
from eap.errors import DataError


def _truth(frames: int = 5) -> Truth:
    rng = np.random.default_rng(1)
    return Truth(
        fps=25.0,
        landmarks=rng.random((frames, 68, 2)).astype(np.float32),
        alpha=np.linspace(0, 1, frames, dtype=np.float32),
        valence=np.full(frames, -0.6, np.float32),
        arousal=np.full(frames, 0.8, np.float32),
        au=rng.random((frames, 3)).astype(np.float32),
        au_names=("AU1", "AU4", "AU12"),
        phoneme=np.array(["sil", "AA", "T", "IY", "sil"][:frames]),
        viseme=rng.random((frames, 8)).astype(np.float32),
        head=rng.random((frames, 3)).astype(np.float32),
        f0=np.zeros(frames, np.float32),
    )


def test_round_trip_keeps_every_field(tmp_path: Path) -> None:
    truth = _truth()
    save_truth(tmp_path / "001.truth.npz", truth)
    loaded = load_truth(tmp_path / "001.truth.npz")
    assert len(loaded) == 5
    assert (loaded.fps, loaded.au_names) == (25.0, ("AU1", "AU4", "AU12"))
    for name in ("landmarks", "alpha", "valence", "arousal", "au", "phoneme", "viseme", "head", "f0"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(truth, name), err_msg=name)


def test_intensity_is_the_radius_in_the_valence_arousal_plane() -> None:
    np.testing.assert_allclose(_truth().intensity, 1.0, atol=1e-6)  # 3-4-5 triangle


def test_same_truth_same_bytes(tmp_path: Path) -> None:
    save_truth(tmp_path / "a.npz", _truth())
    save_truth(tmp_path / "b.npz", _truth())
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_wrong_shape_and_nan_are_named() -> None:
    truth = _truth()
    with pytest.raises(DataError, match=r"head has shape \(4, 3\), expected \(5, 3\)"):
        replace(truth, head=truth.head[:4])
    with pytest.raises(DataError, match="valence holds"):
        replace(truth, valence=np.full(5, np.nan, np.float32))


@pytest.mark.parametrize("content", [b"", b"not an npz", b"PK\x03\x04 broken"])
def test_damaged_file_is_one_line_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "001.truth.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"001\.truth\.npz: not a truth file") as caught:
        load_truth(path)
    assert "\n" not in str(caught.value)


def test_missing_file_and_foreign_npz(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such truth file"):
        load_truth(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="not a truth file"):
        load_truth(tmp_path / "other.npz")
    np.savez(tmp_path / "future.npz", format=np.array(99))
    with pytest.raises(DataError, match="truth format 99"):
        load_truth(tmp_path / "future.npz")

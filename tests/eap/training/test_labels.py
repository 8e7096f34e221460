"""Pseudo labels, psi, prototypes and the sample sheets' PNG writer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import median_filter

from eap.data.arrays import ArraySet, ArrayWriter, ClipArrays
from eap.perception.teachers import FaceTeacher
from eap.training.picture import write_png
from eap.training.pseudo import pseudo_labels
from eap.training.psi import fit_psi


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> ArraySet:
    root = tmp_path_factory.mktemp("arrays")
    rng = np.random.default_rng(0)
    with ArrayWriter(root / "a", 32) as writer:
        for number in range(3):
            writer.add(
                ClipArrays(
                    id=f"M00{number}",
                    identity=f"M00{number}",
                    emotion=number,
                    level=3,
                    sentence="000",
                    view="front",
                    wild=False,
                    frames=rng.integers(0, 256, (9, 32, 32, 3), np.uint8),
                    mel=np.zeros((36, 80)),
                    landmarks=np.zeros((9, 68, 2)),
                    affect=np.zeros((9, 3)),
                    head=np.zeros((9, 3)),
                )
            )
    return ArraySet.open(root / "a")


@pytest.fixture(scope="module")
def face() -> FaceTeacher:
    torch.manual_seed(0)
    return FaceTeacher().eval()


def test_labels_are_the_median_of_what_f_reads_and_never_cross_a_clip(
    arrays: ArraySet, face: FaceTeacher, tmp_path: Path
) -> None:
    labels = pseudo_labels(face, arrays, tmp_path / "va.npy", batch=4)
    assert labels.shape == (27, 2)
    clip = arrays.clips[1]
    frames = torch.from_numpy(arrays.frames(clip, slice(None))).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        raw = face(frames).va.numpy()
    expected = median_filter(raw, size=(5, 1), mode="nearest")
    assert np.allclose(labels[9:18], expected, atol=1e-5)


def test_labels_are_made_once(arrays: ArraySet, face: FaceTeacher, tmp_path: Path) -> None:
    first = pseudo_labels(face, arrays, tmp_path / "va.npy")
    np.save(tmp_path / "va.npy", np.full_like(first, 7.0))
    assert (pseudo_labels(face, arrays, tmp_path / "va.npy") == 7.0).all()


def test_psi_learns_the_radius_of_f(arrays: ArraySet, face: FaceTeacher) -> None:
    psi = fit_psi(face, arrays, frames=320, steps=300)
    clip = arrays.clips[0]
    frames = torch.from_numpy(arrays.frames(clip, slice(None))).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        reading = face(frames)
        error = (psi(reading.embedding) - reading.va.norm(dim=1)).abs().mean()
    assert float(error) < 0.05
    assert not any(p.requires_grad for p in psi.parameters())


def test_png_is_read_back_by_another_library(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 256, (7, 5, 3), np.uint8)
    write_png(tmp_path / "x.png", image)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "x.png")), image)

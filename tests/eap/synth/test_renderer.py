"""The rasteriser against a brute-force reference."""

import numpy as np

from eap.synth.identity import Background
from eap.synth.renderer import _cover, _planes, paint_background
from eap.synth.surface import Array


def _brute(x: Array, y: Array, size: int) -> Array:
    """Last triangle whose inside holds the pixel's centre."""
    owner = np.full((size, size), -1)
    px, py = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    for k in range(len(x)):
        sides = [
            (x[k, j] - x[k, i]) * (py - y[k, i]) - (y[k, j] - y[k, i]) * (px - x[k, i])
            for i, j in ((0, 1), (1, 2), (2, 0))
        ]
        inside = np.all([s > 0 for s in sides], axis=0) | np.all([s < 0 for s in sides], axis=0)
        owner[inside] = k
    return owner.ravel()


def test_cover_equals_brute_force() -> None:
    r = np.random.default_rng(0)
    x, y = (r.uniform(-8, 40, (60, 3)).astype(np.float32) for _ in range(2))
    np.testing.assert_array_equal(_cover(x, y, 32), _brute(x.astype(float), y.astype(float), 32))


def test_neighbouring_triangles_leave_no_crack() -> None:
    x = np.array([[2.3, 20.7, 3.1], [20.7, 25.2, 3.1]], np.float32)
    y = np.array([[1.2, 4.4, 25.5], [4.4, 28.3, 25.5]], np.float32)
    covered = (_cover(x, y, 32) >= 0).reshape(32, 32)
    for row in covered:
        at = np.flatnonzero(row)
        assert len(at) == 0 or len(at) == at[-1] - at[0] + 1


def test_planes_reproduce_the_corners() -> None:
    x, y = np.array([[1.0, 9.0, 3.0]], np.float32), np.array([[2.0, 3.0, 8.0]], np.float32)
    values = np.arange(18, dtype=np.float32).reshape(6, 1, 3) ** 1.5
    planes = _planes(x, y, values)
    for corner in range(3):
        at = planes[0] + planes[1] * (x[0, corner] - 0.5) + planes[2] * (y[0, corner] - 0.5)
        np.testing.assert_allclose(at[:, 0], values[:, 0, corner], rtol=1e-4, atol=1e-4)


def test_backgrounds_are_deterministic_and_in_range() -> None:
    for kind in range(3):
        background = Background(kind, (0.5, 0.6, 0.7), seed=4)
        image = paint_background(background, 24)
        assert image.shape == (3, 24 * 24)
        assert image.min() >= 0
        assert image.max() <= 1
        np.testing.assert_array_equal(image, paint_background(background, 24))

"""The base surface of the head and the curves of its features.

Units: head half width ~.74, eye line y = 0, crown y = 1.17, chin y = -1.165; x > 0 is the image's right (the subject's
left), z points to the viewer. Face vertices live in a cylinder-unwrap domain (A, y) with A = KA * angle.
"""

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

Array: TypeAlias = NDArray[Any]

KA = 0.75  # domain coordinate per radian of angle
A_MAX = 1.52  # the domain ends at +-116 degrees
Y_LOW, Y_HIGH = -1.165, 1.172
EYE_X, EYE_HALF, EYE_RADIUS = 0.325, 0.155, 0.175
MOUTH_HALF, MOUTH_Y = 0.265, -0.70
MOUTH_GAP = 0.022  # the template's mouth is triangulated slightly open
BROW = np.array([[0.105, 0.205], [0.20, 0.245], [0.33, 0.275], [0.45, 0.255], [0.54, 0.195]])

_Y = [-1.165, -1.13, -1.06, -0.95, -0.8, -0.65, -0.46, -0.2, 0, 0.2, 0.5, 0.75, 0.95, 1.07, 1.14, 1.172]
_WIDTH = PchipInterpolator(
    _Y, [0.13, 0.255, 0.365, 0.46, 0.555, 0.62, 0.675, 0.725, 0.74, 0.74, 0.72, 0.65, 0.51, 0.35, 0.19, 0.02]
)
_FRONT = PchipInterpolator(
    _Y, [0.60, 0.71, 0.765, 0.765, 0.745, 0.765, 0.77, 0.79, 0.79, 0.825, 0.82, 0.72, 0.52, 0.33, 0.16, 0.02]
)
_CENTRE = PchipInterpolator([-1.165, -1.0, -0.8, -0.5, 0, 1.172], [0.5, 0.33, 0.12, 0, -0.05, -0.05])
_ROUND = PchipInterpolator([-1.165, -0.8, -0.3, 0.1, 0.6, 1.172], [0.8, 0.8, 0.74, 0.78, 0.95, 1.0])


def half_width(y: Array) -> Array:
    """Half width of the head at height y."""
    return np.asarray(_WIDTH(y))


def base_surface(angle: Array, y: Array) -> tuple[Array, Array]:
    """x and z of the smooth head at an angle (radians, 0 = front) and height."""
    centre, c = _CENTRE(y), np.cos(angle)
    z = centre + np.where(c > 0, (_FRONT(y) - centre) * np.abs(c) ** _ROUND(y), -0.55 * np.abs(c))
    return np.asarray(_WIDTH(y) * np.sin(angle)), z


def angle_at(x: Array, y: Array) -> Array:
    """Angle of the base-surface point that shows at (x, y) in the frontal view."""
    return np.asarray(np.arcsin(np.clip(x / _WIDTH(y), -0.999, 0.999)))


def gauss(x: Any, y: Any, cx: float, cy: float, sx: float, sy: float) -> Array:
    """Axis-aligned Gaussian of height 1."""
    return np.asarray(np.exp(-0.5 * ((x - cx) / sx) ** 2 - 0.5 * ((y - cy) / sy) ** 2))


def sigmoid(x: Array) -> Array:
    """Logistic function, safe for any argument."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -30, 30))))


def smoothstep(a: float, b: float, x: Any) -> Array:
    """0 at a, 1 at b (a may exceed b), cubic in between."""
    t = np.clip((np.asarray(x) - a) / (b - a), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def upper_lid(t: Array) -> Array:
    """Height of the upper lid margin at t in [-1 (inner corner), 1 (outer corner)]."""
    return np.asarray(0.064 * np.clip(1 - np.abs(t + 0.08) ** 2.2 / 1.1, 0, 1) ** 0.8 * (1 - t**8) + 0.010 * t)


def lower_lid(t: Array) -> Array:
    """Height of the lower lid margin, same parameter as `upper_lid`."""
    return np.asarray(-0.041 * np.clip(1 - np.abs(t - 0.1) ** 2.4 / 1.25, 0, 1) ** 0.8 * (1 - t**8) + 0.010 * t)


def mouth_line(x: Any) -> Array:
    """Height of the closed mouth's line."""
    return np.asarray(MOUTH_Y + 0.004 * np.abs(x / MOUTH_HALF) ** 2 - 0.006 * gauss(x, 0, 0, 0, 0.05, 1))


def lip_top(x: Any) -> Array:
    """Upper vermilion border."""
    t = np.clip(np.abs(x) / MOUTH_HALF, 0, 1)
    bow = 0.018 * np.exp(-((x / 0.035) ** 2))
    return np.asarray(mouth_line(x) + 0.088 * (1 - t**1.6) ** 0.9 - bow + 0.004)


def lip_bottom(x: Any) -> Array:
    """Lower vermilion border."""
    t = np.clip(np.abs(x) / MOUTH_HALF, 0, 1)
    return np.asarray(mouth_line(x) - 0.105 * (1 - t**2.1) ** 0.85 - 0.004)


def lip_gap(x: Any) -> Array:
    """Half of the template's mouth opening at x."""
    return np.asarray(MOUTH_GAP * np.clip(1 - (np.abs(x) / 0.24) ** 2, 0, 1))


def inner_top(x: Any) -> Array:
    """Inner edge of the upper lip in the (slightly open) template."""
    return mouth_line(x) + lip_gap(x)


def inner_bottom(x: Any) -> Array:
    """Inner edge of the lower lip in the template."""
    return mouth_line(x) - lip_gap(x)


def in_polygon(points: Array, polygon: Array) -> Array:
    """Even-odd test: which of the points (n, 2) lie inside the closed polygon (m, 2)."""
    x, y = points[:, 0:1], points[:, 1:2]
    x0, y0 = polygon[:, 0], polygon[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    crosses = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 + (y - y0) * (x1 - x0) / (y1 - y0)
    return np.asarray((crosses & (x < at)).sum(1) % 2 == 1)


def distance_to_line(x: Array, y: Array, points: Array) -> Array:
    """Distance of every (x, y) to a polyline (m, 2)."""
    best = np.full(x.shape, 9.0, x.dtype)
    for (x0, y0), (x1, y1) in pairwise(points):
        vx, vy = x1 - x0, y1 - y0
        t = np.clip(((x - x0) * vx + (y - y0) * vy) / (vx * vx + vy * vy), 0, 1)
        best = np.minimum(best, np.hypot(x - x0 - t * vx, y - y0 - t * vy))
    return best


def smooth_line(points: Any, n: int = 14) -> Array:
    """A polyline of n points through the given ones."""
    p = np.asarray(points, float)
    k, q = np.linspace(0, 1, len(p)), np.linspace(0, 1, n)
    return np.stack([PchipInterpolator(k, p[:, 0])(q), PchipInterpolator(k, p[:, 1])(q)], 1)

"""The neutral head of one identity: base surface + facial relief + identity warp."""

import numpy as np

from eap.synth.identity import Shape
from eap.synth.mesh import Kind, template
from eap.synth.surface import (
    EYE_X,
    KA,
    MOUTH_HALF,
    MOUTH_Y,
    Array,
    base_surface,
    gauss,
    lip_gap,
    mouth_line,
    smoothstep,
)

_NOSE_Y = [-0.53, -0.50, -0.465, -0.40, -0.34, -0.25, -0.1, 0.03, 0.12, 0.25]
_NOSE_Z = [0, 0.06, 0.19, 0.285, 0.275, 0.215, 0.145, 0.075, 0.035, 0]


def width_factor(y: Array, shape: Shape) -> Array:
    """Horizontal scale of the head at (template) height y; hair and ears follow it too."""
    return np.asarray(
        shape.face_width
        * (
            1
            + shape.jaw * smoothstep(-0.25, -0.85, y)
            + shape.square * np.exp(-(((y + 0.86) / 0.17) ** 2))
            + shape.cheek_width * np.exp(-(((y + 0.2) / 0.3) ** 2))
            + shape.temple * smoothstep(0.1, 0.6, y)
            + shape.chin_width * smoothstep(-0.88, -1.08, y)
            + 0.8 * shape.fat * np.exp(-(((y + 0.62) / 0.22) ** 2))
        )
    )


def stretch(y: Array, shape: Shape) -> Array:
    """Vertical map of the head: the skull stretches less than the face."""
    return np.asarray(y * np.where(y < 0, shape.face_length, 1 + 0.4 * (shape.face_length - 1) + shape.forehead))


def _warp_eyes(x: Array, ax: Array, y: Array, s: Shape) -> tuple[Array, Array]:
    side = np.sign(x)
    eye = np.exp(-(((ax - EYE_X) / 0.24) ** 4) - (y / 0.16) ** 4)
    brow = np.exp(-(((ax - 0.33) / 0.30) ** 4) - ((y - 0.24) / 0.09) ** 4)
    dx = side * eye * (s.eye_apart + (ax - EYE_X) * (s.eye_size - 1)) + side * brow * s.eye_apart * 0.8
    dy = eye * (y * (s.eye_height - 1) + (ax - EYE_X) * s.eye_tilt + s.eye_y)
    dy += brow * (s.brow_y + s.brow_tilt * (ax - 0.33) + s.brow_arch * np.exp(-(((ax - 0.38) / 0.1) ** 2)))
    return dx, dy


def _warp_mouth(x: Array, ax: Array, y: Array, s: Shape) -> tuple[Array, Array]:
    window = np.exp(-((ax / 0.38) ** 4) - ((y - MOUTH_Y) / 0.20) ** 4)
    d = y - mouth_line(np.clip(x, -MOUTH_HALF, MOUTH_HALF))
    up, low = np.maximum(d, 0), np.minimum(d, 0)
    upper = (s.lip_upper - 1) * 0.088 * (1 - np.exp(-up / 0.04)) * np.exp(-((np.maximum(d - 0.09, 0) / 0.06) ** 2))
    lower = (s.lip_lower - 1) * -0.105 * (1 - np.exp(low / 0.05)) * np.exp(-((np.minimum(d + 0.11, 0) / 0.07) ** 2))
    full = np.exp(-((ax / 0.32) ** 6)) * np.clip(1 - (ax / 0.28) ** 2, 0, 1)
    return window * x * (s.mouth_width - 1), full * np.where(d > 0, upper, lower) + window * s.mouth_y


def warp(x: Array, y: Array, s: Shape) -> tuple[Array, Array]:
    """Displacement (dx, dy) of frontal template coordinates by the identity's features."""
    ax = np.abs(x)
    eye_x, eye_y = _warp_eyes(x, ax, y, s)
    mouth_x, mouth_y = _warp_mouth(x, ax, y, s)
    nose = np.exp(-((ax / 0.24) ** 4) - ((y + 0.40) / 0.18) ** 4)
    dx = eye_x + mouth_x + nose * x * (s.nose_width - 1)
    dy = eye_y + mouth_y + np.exp(-((ax / 0.30) ** 4)) * gauss(0, y, 0, -0.42, 1, 0.14) * s.nose_length
    dy += s.nose_tip * gauss(ax, y, 0, -0.44, 0.08, 0.06)
    return dx, dy


def _relief(ax: Array, y: Array, s: Shape) -> Array:
    """Depth of sockets, brow ridge, nose, cheeks, muzzle and chin over the base surface."""

    def g(cx: float, cy: float, sx: float, sy: float) -> Array:
        return gauss(ax, y, cx, cy, sx, sy)

    z = -0.105 * (1 + s.eye_depth) * g(EYE_X - 0.02, 0.015, 0.17, 0.105) - 0.035 * g(0.17, 0.03, 0.07, 0.09)
    z += (0.055 + s.brow_ridge) * g(0.27, 0.19, 0.20, 0.065) + 0.02 * g(0, 0.2, 0.21, 0.1)
    profile = np.interp(y, _NOSE_Y, _NOSE_Z) * s.nose_height + s.nose_bump * np.exp(-(((y + 0.12) / 0.08) ** 2))
    ridge = np.interp(y, [-0.5, -0.40, -0.25, 0, 0.15], [0.085, 0.085, 0.07, 0.06, 0.10])
    ridge = ridge * (1 + (s.bridge - 1) * smoothstep(-0.42, -0.25, y))
    z += profile * np.exp(-0.55 * (ax / ridge) ** 2)
    z += (
        0.075 * g(0.125, -0.425, 0.042, 0.052)
        + 0.035 * (1 + s.bulb) * g(0, -0.385, 0.06, 0.05)
        - 0.045 * g(0.066, -0.482, 0.026, 0.016)
    )
    z += (0.045 + s.cheek) * g(0.46, -0.17, 0.13, 0.10) + (0.03 + 0.5 * s.fat) * g(0.40, -0.40, 0.14, 0.16)
    z += 0.075 * g(0, -0.69, 0.24, 0.15) - 0.018 * g(0, -0.56, 0.022, 0.05) - 0.014 * g(0.045, -0.57, 0.02, 0.05)
    z += (0.06 + s.chin) * g(0, -1.0, 0.15, 0.09) - 0.045 * g(0, -0.865, 0.15, 0.035)
    return np.asarray(z - 0.03 * g(0.30, -0.70, 0.035, 0.05) - 0.03 * g(0.60, 0.18, 0.09, 0.16))


def neutral_head(s: Shape) -> Array:
    """Vertices (n, 3) of the template with the identity's neutral, closed-mouth face."""
    t = template()
    x, z = base_surface(t.domain[:, 0] / KA, t.y)
    ax = np.abs(t.x)
    upper, lower = t.kind == Kind.UPPER_LIP, t.kind == Kind.LOWER_LIP
    inner = np.clip(1 - t.ring, 0, 1) * lip_gap(t.x)
    gap = np.where(upper, -inner, 0) + np.where(lower, inner, 0)
    z = z + _relief(ax, t.y, s)
    lip = (upper | lower) & (t.ring <= 1.01)
    height = np.where(upper, 0.046 * max(s.lip_upper, 0.3) ** 0.5, 0.055 * max(s.lip_lower, 0.3) ** 0.5)
    bulge = height * (1 - ((t.ring - 0.5) / 0.5) ** 2 * 0.95) * np.clip(1 - (ax / MOUTH_HALF) ** 2, 0, 1) ** 0.7
    z += np.where(lip, bulge, 0) - np.where(lip & (t.ring < 0.01), 0.03, 0)
    # the warp acts on gap-closed heights, else thick lips hang open
    dx, dy = warp(t.x, t.y + gap, s)
    x = (x + dx) * width_factor(t.y, s)
    y = stretch(t.y + dy + gap, s) + s.lopsided * np.sin(x * 3)
    vertices = np.stack([x, y, z], 1)
    vertices[t.lower_rings[0]] = vertices[t.upper_rings[0]]  # closed lips touch, from whatever side they are seen
    return vertices

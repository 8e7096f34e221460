"""A painter's scanline rasteriser in vectorised numpy: no z-buffer, last write wins, texels by nearest."""

from functools import lru_cache

import numpy as np

from eap.synth.identity import Background, Light
from eap.synth.parts import ATLAS_WIDTH
from eap.synth.rig import project
from eap.synth.scene import Scene
from eap.synth.surface import Array, smoothstep
from eap.synth.texture import SIZE, wrinkle_matrix, wrinkle_weights

_SLIVER = 0.6  # px^2: thinner triangles get flat attributes, else their gradients explode
_WRAP = np.array([0.38, 0.24, 0.18], np.float32)  # light wraps further in red: a cheap subsurface look


@lru_cache(maxsize=1)
def _tone_curve() -> Array:
    """Light (0..2 in 2048 steps) to sRGB-like bytes: straight up to .72, then a shoulder, so that pale skin never clips."""
    x = np.linspace(0, 2, 2048)
    y = np.where(x < 0.72, x, 0.72 + 0.28 * (1 - np.exp(-(x - 0.72) / 0.34)))
    return np.asarray((np.clip(y, 0, 1) ** 0.92 * 255 + 0.5).astype(np.uint8))


@lru_cache(maxsize=1)
def _wrinkle_index() -> tuple[Array, Array]:
    texels, maps = wrinkle_matrix()
    return (texels // SIZE) * ATLAS_WIDTH + texels % SIZE, maps


def paint_background(background: Background, size: int) -> Array:
    """Pixels (size * size, 3) float32."""
    gx, gy = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    image = np.ones((size, size, 3)) * np.array(background.colour)
    if background.kind == 0:
        image *= (1 - 0.22 * (gx**2 + gy**2))[..., None]
    elif background.kind == 1:
        image *= (1 - 0.25 * gy)[..., None] * 0.9
    else:
        r = np.random.default_rng(background.seed)
        for _ in range(7):
            x, y, radius, gain = r.uniform(-1, 1), r.uniform(-1, 1), r.uniform(0.2, 0.5), r.uniform(-0.22, 0.22)
            image *= (1 + gain * smoothstep(0.05, -0.05, np.hypot(gx - x, gy - y) - radius))[..., None]
    return np.clip(image, 0, 1).astype(np.float32).reshape(-1, 3)


def _shade(scene: Scene, v: Array, face_normals: Array, light: Light) -> Array:
    """Attributes (nv, 6) per vertex: light R, G, B, shine, texel column and row."""
    n = scene.incidence @ face_normals
    n /= np.sqrt(np.einsum("ij,ij->i", n, n))[:, None] + 1e-9
    n += scene.normal_bias
    d = np.array(light.direction, np.float32)
    diffuse = np.clip(((n @ d)[:, None] + _WRAP) / (1 + _WRAP), 0, 1)
    sky = 0.78 + 0.22 * n[:, 1:2]
    fill = np.clip(n @ np.array([-d[0], 0.1, 0.75], np.float32), 0, 1)[:, None] * 0.10
    warm = np.array([1 + light.warmth, 1, 1 - light.warmth], np.float32)
    ao = scene.occlusion
    out = np.empty((len(v), 6), np.float32)
    out[:, :3] = light.ambient * sky * ao + light.key * diffuse * (0.35 + 0.65 * ao) * warm + fill * ao
    half = d + np.array([0, 0, 1], np.float32)
    out[:, 3] = scene.shine * np.clip(n @ (half / np.linalg.norm(half)), 0, 1) ** 22
    out[scene.fixed, :3] = scene.fixed_light
    out[scene.fixed, 3] = 0
    out[:, 4:] = scene.texel
    return out


def _visible(scene: Scene, v: Array, flat: Array, size: int) -> Array:
    """Ids of the triangles that face the camera and touch the picture, back to front."""
    tri = scene.triangles
    corners = flat[tri]
    ax, ay = corners[:, 0, 0], corners[:, 0, 1]
    area = (corners[:, 1, 0] - ax) * (corners[:, 2, 1] - ay) - (corners[:, 1, 1] - ay) * (corners[:, 2, 0] - ax)
    ys = corners[:, :, 1]
    seen = ((area < -1e-6) | (scene.two_sided & (area > 1e-6))) & (ys.min(1) < size) & (ys.max(1) > 0)
    ids = np.flatnonzero(seen)
    z = v[:, 2]
    t = tri[ids]
    depth = scene.layer[ids] * 100 + z[t[:, 0]] + z[t[:, 1]] + z[t[:, 2]]
    return np.asarray(ids[np.argsort(depth)])


def _cover(corners: Array, size: int) -> Array:
    """For every pixel (size * size) the last triangle (nt, 3, 2) drawn over its centre, or -1."""
    n = len(corners)
    order = np.argsort(corners[:, :, 1], axis=1)
    ar = np.arange(n)
    (xa, ya), (xb, yb), (xc, yc) = ((corners[ar, order[:, i], 0], corners[ar, order[:, i], 1]) for i in range(3))
    top = np.ceil(ya - 0.5).clip(0, size).astype(np.int32)
    count = np.ceil(yc - 0.5).clip(0, size).astype(np.int32) - top
    eps = np.float32(1e-6)
    slope_ac, slope_ab, slope_bc = (xc - xa) / (yc - ya + eps), (xb - xa) / (yb - ya + eps), (xc - xb) / (yc - yb + eps)
    k = np.repeat(ar, count)
    row = np.arange(len(k)) - np.repeat(np.cumsum(count) - count - top, count)
    y = row + np.float32(0.5)
    below = y >= yb[k]
    long_edge = xa[k] + (y - ya[k]) * slope_ac[k]
    short_edge = np.where(below, xb[k] + (y - yb[k]) * slope_bc[k], xa[k] + (y - ya[k]) * slope_ab[k])
    left = np.ceil(np.minimum(long_edge, short_edge) - 0.5).clip(0, size).astype(np.int32)
    width = np.ceil(np.maximum(long_edge, short_edge) - 0.5).clip(0, size).astype(np.int32) - left
    start = row * size + left - (np.cumsum(width) - width)
    pixel = np.repeat(start, width)
    pixel += np.arange(len(pixel))
    owner = np.full(size * size, -1, np.int32)
    owner[pixel] = np.repeat(k.astype(np.int32), width)
    return owner


def _planes(corners: Array, attributes: Array) -> Array:
    """Attribute planes (nt, 3, 6): value at the origin, gradient in x, gradient in y. attributes (nt, 3, 6)."""
    x, y = corners[:, :, 0], corners[:, :, 1]
    x0, y0 = x[:, 0], y[:, 0]
    ex1, ey1, ex2, ey2 = x[:, 1] - x0, y[:, 1] - y0, x[:, 2] - x0, y[:, 2] - y0
    det = ex1 * ey2 - ex2 * ey1
    thin = np.abs(det) < _SLIVER
    inverse = np.where(thin, 0, 1 / np.where(thin, 1, det)).astype(np.float32)[:, None]
    a0 = attributes[:, 0]
    d1, d2 = attributes[:, 1] - a0, attributes[:, 2] - a0
    out = np.empty((len(corners), 3, 6), np.float32)
    out[:, 1] = (d1 * ey2[:, None] - d2 * ey1[:, None]) * inverse
    out[:, 2] = (d2 * ex1[:, None] - d1 * ex2[:, None]) * inverse
    origin = np.where(thin[:, None], a0 + (d1 + d2) / 3, a0)
    out[:, 0] = origin + out[:, 1] * (0.5 - x0)[:, None] + out[:, 2] * (0.5 - y0)[:, None]
    return out


class Renderer:
    """Draws one scene under one light before one background. Keeps scratch arrays: one per thread."""

    def __init__(self, scene: Scene, light: Light, background: Background) -> None:
        self._scene, self._light, self._background = scene, light, background
        self._backgrounds: dict[int, Array] = {}
        self._crease = np.ones(len(scene.texels), np.float32)

    def _backdrop(self, size: int) -> Array:
        if size not in self._backgrounds:
            self._backgrounds[size] = paint_background(self._background, size)
        return self._backgrounds[size]

    def draw(self, v: Array, acts: dict[str, float], size: int, supersample: int) -> Array:
        """Picture (size, size, 3) uint8 of posed vertices."""
        scene, fine = self._scene, size * supersample
        flat = project(scene, v, fine)
        tri = scene.triangles
        v0 = v[tri[:, 0]]
        e1, e2 = v[tri[:, 1]] - v0, v[tri[:, 2]] - v0
        normals = np.empty_like(e1)
        for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
            normals[:, i] = e1[:, j] * e2[:, k] - e1[:, k] * e2[:, j]
        attributes = _shade(scene, v, normals, self._light)
        ids = _visible(scene, v, flat, fine)
        t = tri[ids]
        corners = flat[t]
        owner = _cover(corners, fine)
        covered = np.flatnonzero(owner >= 0)
        at = owner[covered]
        planes = _planes(corners, attributes[t])
        x, y = (covered % fine).astype(np.float32)[:, None], (covered // fine).astype(np.float32)[:, None]
        value = planes[:, 0].take(at, 0)
        value += planes[:, 1].take(at, 0) * x
        value += planes[:, 2].take(at, 0) * y
        texel = np.rint(value[:, 5]).astype(np.int32) * ATLAS_WIDTH + np.rint(value[:, 4]).astype(np.int32)
        np.clip(texel, 0, len(scene.texels) - 1, out=texel)
        colour = scene.texels.take(texel, 0)
        weights = wrinkle_weights(acts)
        if weights.max() > 0.01:
            where, maps = _wrinkle_index()
            self._crease[where] = 1 + weights @ maps
            value[:, :3] *= self._crease.take(texel)[:, None]
        colour *= value[:, :3]
        colour += value[:, 3:4]
        image = self._backdrop(fine).copy()
        image[covered] = colour
        return self._finish(image.reshape(fine, fine, 3), size, supersample)

    def _finish(self, image: Array, size: int, supersample: int) -> Array:
        if supersample == 2:
            image = image[0::2] + image[1::2]
            image = (image[:, 0::2] + image[:, 1::2]) * np.float32(0.25)
        elif supersample > 2:
            image = image.reshape(size, supersample, size, supersample, 3).mean((1, 3))
        return np.asarray(_tone_curve()[np.clip(image * np.float32(1023.5), 0, 2047).astype(np.int16)])

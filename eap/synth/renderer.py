"""A painter's scanline rasteriser in vectorised numpy: no z-buffer, last write wins, texels by nearest."""

from functools import lru_cache

import numpy as np
from scipy.ndimage import grey_dilation

from eap.synth.identity import Background, Light
from eap.synth.mesh import Kind, template
from eap.synth.parts import ATLAS_WIDTH
from eap.synth.rig import project
from eap.synth.scene import Scene
from eap.synth.surface import Array, smoothstep
from eap.synth.texture import SIZE, wrinkle_matrix, wrinkle_weights

_SLIVER = 0.6  # px^2: thinner triangles get flat attributes, else their gradients explode
_WRAP = np.array([0.38, 0.24, 0.18], np.float32)  # light wraps further in red: a cheap subsurface look


@lru_cache(maxsize=1)
def _tone_curve() -> Array:
    """Light (0..2 in 2048 steps) to bytes: straight up to .72, then a shoulder, so that pale skin never clips."""
    x = np.linspace(0, 2, 2048)
    y = np.where(x < 0.72, x, 0.72 + 0.28 * (1 - np.exp(-(x - 0.72) / 0.34)))
    return np.asarray((np.clip(y, 0, 1) ** 0.92 * 255 + 0.5).astype(np.uint8))


@lru_cache(maxsize=1)
def _wrinkle_index() -> tuple[Array, Array]:
    texels, maps = wrinkle_matrix()
    return (texels // SIZE) * ATLAS_WIDTH + texels % SIZE, maps


def paint_background(background: Background, size: int) -> Array:
    """Pixels (3, size * size) float32."""
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
    return np.ascontiguousarray(np.clip(image, 0, 1).astype(np.float32).reshape(-1, 3).T)


def _face_normals(v: Array, triangles: Array) -> Array:
    v0 = v.take(triangles[:, 0], 0)
    e1, e2 = v.take(triangles[:, 1], 0) - v0, v.take(triangles[:, 2], 0) - v0
    normals = np.empty_like(e1)
    for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
        normals[:, i] = e1[:, j] * e2[:, k] - e1[:, k] * e2[:, j]
    return normals


def cast_shadow(scene: Scene, light: Light) -> Array:
    """Share (nv, 1) of the key light that reaches each vertex of the face at rest; 1 elsewhere.

    The neutral face as a height field z(x, y) is searched along the light: what stands higher than the ray (nose, brow,
    lips) shades what lies behind it. Soft, since neighbouring vertices blend.
    """
    n = len(template().x)
    face = scene.vertices[:n]
    low, cells = face[:, :2].min(0), 96
    pitch = (face[:, :2].max(0) - low) / (cells - 1)
    at = np.rint((face[:, :2] - low) / pitch).astype(int)
    field = np.full((cells, cells), -9.0)
    np.maximum.at(field, (at[:, 0], at[:, 1]), face[:, 2])
    field = grey_dilation(field, (5, 5))
    d = np.array(light.direction)
    blocked = np.zeros(n)
    for step in np.linspace(0.06, 0.36, 11):
        ray = face + step * d
        where = np.rint((ray[:, :2] - low) / pitch).astype(int).clip(0, cells - 1)
        over = field[where[:, 0], where[:, 1]] - ray[:, 2]
        blocked = np.maximum(blocked, smoothstep(0.0, 0.06, over))
    lid = np.isin(template().kind, (Kind.UPPER_LID, Kind.LOWER_LID))
    reach = np.ones((len(scene.vertices), 1), np.float32)
    # the crown would shade itself: the field is coarse where it is steep
    shade = np.where(lid, 0.25, 0.5) * smoothstep(0.5, 0.25, face[:, 1])
    reach[:n, 0] = 1 - shade * blocked
    return reach


def _shade(scene: Scene, v: Array, face_normals: Array, light: Light, reach: Array) -> Array:
    """Attributes (6, nv) per vertex: light R, G, B, shine, texel column and row."""
    n = scene.incidence @ face_normals
    n /= np.sqrt(np.einsum("ij,ij->i", n, n))[:, None] + 1e-9
    n += scene.normal_bias
    d = np.array(light.direction, np.float32)
    diffuse = np.clip(((n @ d)[:, None] + _WRAP) / (1 + _WRAP), 0, 1)
    sky = 0.78 + 0.22 * n[:, 1:2]
    fill = np.clip(n @ np.array([-d[0], 0.1, 0.75], np.float32), 0, 1)[:, None] * 0.10
    warm = np.array([1 + light.warmth, 1, 1 - light.warmth], np.float32)
    ao = scene.occlusion
    out = np.empty((6, len(v)), np.float32)
    out[:3] = (light.ambient * sky * ao + light.key * reach * diffuse * (0.35 + 0.65 * ao) * warm + fill * ao).T
    half = d + np.array([0, 0, 1], np.float32)
    out[3] = scene.shine * np.clip(n @ (half / np.linalg.norm(half)), 0, 1) ** 22
    out[:3, scene.fixed] = scene.fixed_light
    out[3, scene.fixed] = 0
    out[4:] = scene.texel
    return out


def _visible(scene: Scene, depth: Array, x: Array, y: Array, size: int) -> Array:
    """Ids of the triangles (corners x, y (nt, 3)) that face the camera and touch the picture, back to front."""
    x0, x1, x2 = x[:, 0], x[:, 1], x[:, 2]
    y0, y1, y2 = y[:, 0], y[:, 1], y[:, 2]
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    seen = (area < -1e-6) | (scene.two_sided & (area > 1e-6))
    seen &= (np.minimum(np.minimum(y0, y1), y2) < size) & (np.maximum(np.maximum(y0, y1), y2) > 0)
    ids = np.flatnonzero(seen)
    t = scene.triangles[ids]
    key = scene.layer[ids] * 100 + depth[t[:, 0]] + depth[t[:, 1]] + depth[t[:, 2]]
    return np.asarray(ids[np.argsort(key)])


def _by_height(x: Array, y: Array) -> tuple[tuple[Array, Array], ...]:
    """The three corners (x, y), topmost first. A three-step sorting network is faster than argsort."""
    px, py = [x[:, i] for i in range(3)], [y[:, i] for i in range(3)]
    for i, j in ((0, 1), (1, 2), (0, 1)):
        swap = py[i] > py[j]
        px[i], px[j] = np.where(swap, px[j], px[i]), np.where(swap, px[i], px[j])
        py[i], py[j] = np.where(swap, py[j], py[i]), np.where(swap, py[i], py[j])
    return tuple(zip(px, py, strict=True))


def _cover(x: Array, y: Array, size: int) -> Array:
    """For every pixel (size * size) the last triangle (corners x, y (nt, 3)) drawn over its centre, or -1."""
    n = len(x)
    (xa, ya), (xb, yb), (xc, yc) = _by_height(x, y)
    half, eps = np.float32(0.5), np.float32(1e-6)
    top = np.ceil(ya - half).clip(0, size).astype(np.int32)
    count = np.ceil(yc - half).clip(0, size).astype(np.int32) - top
    slope_ac, slope_ab, slope_bc = (xc - xa) / (yc - ya + eps), (xb - xa) / (yb - ya + eps), (xc - xb) / (yc - yb + eps)
    # an edge is x = offset + slope * y: two gathers instead of three
    k = np.repeat(np.arange(n), count)
    row = np.arange(len(k), dtype=np.int32) - np.repeat((np.cumsum(count) - count - top).astype(np.int32), count)
    centre = row + half
    long_edge = (xa - ya * slope_ac).take(k) + centre * slope_ac.take(k)
    k2 = k * 2 + (centre >= yb.take(k))
    slopes = np.stack([slope_ab, slope_bc], 1).ravel()
    offsets = np.stack([xa - ya * slope_ab, xb - yb * slope_bc], 1).ravel()
    short_edge = offsets.take(k2) + centre * slopes.take(k2)
    left = np.ceil(np.minimum(long_edge, short_edge) - half).clip(0, size).astype(np.int32)
    width = np.ceil(np.maximum(long_edge, short_edge) - half).clip(0, size).astype(np.int32) - left
    start = row * np.int32(size) + left - (np.cumsum(width) - width)
    pixel = np.repeat(start, width)
    pixel += np.arange(len(pixel))
    owner = np.full(size * size, -1, np.int32)
    owner[pixel] = np.repeat(k.astype(np.int32), width)
    return owner


def _planes(x: Array, y: Array, attributes: Array) -> Array:
    """Attribute planes (3, 6, nt): value at the origin, gradient in x, gradient in y. attributes (6, nt, 3)."""
    x0, y0 = x[:, 0], y[:, 0]
    ex1, ey1, ex2, ey2 = x[:, 1] - x0, y[:, 1] - y0, x[:, 2] - x0, y[:, 2] - y0
    det = ex1 * ey2 - ex2 * ey1
    thin = np.abs(det) < _SLIVER
    inverse = np.where(thin, 0, 1 / np.where(thin, 1, det)).astype(np.float32)
    a0 = attributes[:, :, 0]
    d1, d2 = attributes[:, :, 1] - a0, attributes[:, :, 2] - a0
    out = np.empty((3, 6, len(x)), np.float32)
    out[1] = (d1 * ey2 - d2 * ey1) * inverse
    out[2] = (d2 * ex1 - d1 * ex2) * inverse
    origin = np.where(thin, a0 + (d1 + d2) / 3, a0)
    out[0] = origin + out[1] * (0.5 - x0) + out[2] * (0.5 - y0)
    return out


def _evaluate(planes: Array, part: slice, at: Array, x: Array, y: Array) -> Array:
    """Attributes `part` of the planes at pixels. Rows of 2 or 4 floats: the sizes numpy gathers fastest."""
    table = np.ascontiguousarray(planes[:, part].transpose(0, 2, 1))
    n = table.shape[2]
    out = table[0].take(at, 0)
    for gradient, coordinate in ((table[1], x), (table[2], y)):
        step = gradient.take(at, 0)
        step *= np.repeat(coordinate, n).reshape(-1, n)
        out += step
    return np.asarray(out)


class Renderer:
    """Draws one scene under one light before one background. Keeps scratch arrays: one per thread."""

    def __init__(self, scene: Scene, light: Light, background: Background) -> None:
        self._scene, self._light, self._background = scene, light, background
        self._reach = cast_shadow(scene, light)
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
        attributes = _shade(scene, v, _face_normals(v, scene.triangles), self._light, self._reach)
        x, y = flat[:, 0].take(scene.triangles), flat[:, 1].take(scene.triangles)
        ids = _visible(scene, v[:, 2].copy(), x, y, fine)
        x, y = x.take(ids, 0), y.take(ids, 0)
        owner = _cover(x, y, fine)
        covered = np.flatnonzero(owner >= 0)
        planes = _planes(x, y, attributes.take(scene.triangles.take(ids, 0), 1))
        colour = self._colour(planes, owner.take(covered).astype(np.intp), covered, fine, acts)
        image = self._backdrop(fine).copy()
        for channel in range(3):
            image[channel, covered] = colour[channel]
        return self._finish(image.reshape(3, fine, fine), size, supersample)

    def _colour(self, planes: Array, at: Array, covered: Array, fine: int, acts: dict[str, float]) -> list[Array]:
        """R, G, B of the covered pixels, whose triangles are `at`."""
        scene = self._scene
        row = covered // fine
        x, y = (covered - row * fine).astype(np.float32), row.astype(np.float32)

        value = _evaluate(planes, slice(0, 4), at, x, y)
        where = np.rint(_evaluate(planes, slice(4, 6), at, x, y)).astype(np.intp)
        texel = where[:, 1] * ATLAS_WIDTH
        texel += where[:, 0]
        np.clip(texel, 0, len(scene.texels) - 1, out=texel)
        albedo = scene.texels.take(texel, 0)
        weights = wrinkle_weights(acts)
        crease = None
        if weights.max() > 0.01:
            touched, maps = _wrinkle_index()
            self._crease[touched] = 1 + weights @ maps
            crease = self._crease.take(texel)
        colour = []
        for channel in range(3):
            c = albedo[:, channel] * value[:, channel]
            if crease is not None:
                c *= crease
            c += value[:, 3]
            colour.append(c)
        return colour

    def _finish(self, image: Array, size: int, supersample: int) -> Array:
        if supersample == 2:
            image = image[:, 0::2] + image[:, 1::2]
            image = (image[:, :, 0::2] + image[:, :, 1::2]) * np.float32(0.25)
        elif supersample > 2:
            image = image.reshape(3, size, supersample, size, supersample).mean((2, 4))
        level = np.clip(image * np.float32(1023.5), 0, 2047).astype(np.intp)
        return np.ascontiguousarray(_tone_curve().take(level).transpose(1, 2, 0))

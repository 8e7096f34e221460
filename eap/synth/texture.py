"""Painted skin: the face's albedo in the template's domain, and the wrinkle maps that action units deepen."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from scipy.ndimage import gaussian_filter

from eap.synth.identity import Identity
from eap.synth.surface import (
    A_MAX,
    BROW,
    EYE_HALF,
    EYE_X,
    KA,
    MOUTH_HALF,
    MOUTH_Y,
    Y_HIGH,
    Y_LOW,
    Array,
    distance_to_line,
    gauss,
    half_width,
    inner_bottom,
    inner_top,
    lip_bottom,
    lip_top,
    lower_lid,
    smooth_line,
    smoothstep,
    upper_lid,
)

SIZE = 352  # texels per side
WRINKLES = ("nasolabial", "forehead", "inner_forehead", "glabella", "nose", "crow", "chin", "dimple_left",
            "dimple_right", "marionette", "lid", "brow_shadow")  # fmt: skip
_SHADOW = np.array([0.85, 1.05, 1.1], np.float32)  # shadows on skin keep more red
_LIP_HUES = ((0.70, 0.25, 0.27), (0.62, 0.22, 0.28), (0.72, 0.32, 0.28), (0.60, 0.12, 0.16), (0.66, 0.38, 0.36))


@dataclass(frozen=True)
class Canvas:
    """Template coordinates of the texels and what is painted alike on everyone, each (SIZE, SIZE) float32.

    x, ax = |x|, y, angle; wrinkles by name; the other fields are masks and multipliers.
    """

    x: Array
    ax: Array
    y: Array
    angle: Array
    wrinkles: dict[str, Array]
    shadow: Array
    lips: Array
    lip_tone: Array
    seam: Array
    upper_lash: Array
    lower_lash: Array
    beard: Array
    blush: Array
    lid_shadow: Array
    tired: Array


def _crease(d: Array, w: float = 0.012) -> Array:
    return np.asarray(-np.exp(-((d / w) ** 2)) + 0.35 * np.exp(-(((d - 2.4 * w) / (1.3 * w)) ** 2)))


def _wrinkles(x: Array, ax: Array, y: Array) -> dict[str, Array]:
    def line(*points: tuple[float, float], w: float = 0.012) -> Array:
        path = smooth_line(points) if len(points) > 2 else np.array(points)
        return _crease(distance_to_line(ax, y, path), w)

    def rows(heights: tuple[float, ...], bend: float, k: float) -> Array:
        return np.asarray(sum(_crease(np.abs(y - h - bend * np.cos(x * k)), 0.010) for h in heights))

    end = smoothstep(0.0, 0.06, np.hypot(ax - 0.36, y + 0.80))
    pebbles = np.sin(x * 95 + 3 * np.sin(y * 60)) * np.sin(y * 90 + 2 * np.sin(x * 70)) + 0.3
    lid = np.interp(ax, EYE_X + EYE_HALF * np.linspace(-1, 1, 21), upper_lid(np.linspace(-1, 1, 21)) + 0.050)
    dimple = 0.34 * line((0.305, -0.655), (0.322, -0.70), (0.305, -0.745), w=0.014)
    nose = (((0.0, 0.05), (0.075, 0.075)), ((0.0, 0.0), (0.085, 0.02)), ((0.03, -0.055), (0.115, -0.03)),
            ((0.06, -0.12), (0.13, -0.08)))  # fmt: skip
    crow = (((0.525, 0.02), (0.61, 0.07)), ((0.53, -0.01), (0.625, 0.0)), ((0.525, -0.04), (0.61, -0.07)))
    below_eye = line((0.20, -0.10), (0.33, -0.135), (0.46, -0.09), w=0.014)
    return {
        "nasolabial": 0.26 * end * line((0.165, -0.40), (0.235, -0.50), (0.325, -0.62), (0.355, -0.74), w=0.018),
        "forehead": 0.16 * rows((0.40, 0.49, 0.58), 0.02, 4) * np.exp(-((ax / 0.40) ** 4)),
        "inner_forehead": 0.16 * rows((0.38, 0.46, 0.54), 0.03, 7) * np.exp(-((ax / 0.20) ** 4)),
        "glabella": 0.34 * line((0.055, 0.14), (0.048, 0.22), (0.062, 0.31)) - 0.10 * gauss(x, y, 0, 0.13, 0.05, 0.03),
        "nose": np.asarray(sum(0.26 * line(*p, w=0.010) for p in nose)),
        "crow": np.asarray(sum(0.20 * line(*p, w=0.009) for p in crow)) + 0.16 * below_eye,
        "chin": -0.105 * pebbles * gauss(x, y, 0, -0.98, 0.11, 0.07)
        - 0.16 * np.exp(-(((y + 0.885 + 0.25 * x**2) / 0.02) ** 2)) * np.exp(-((ax / 0.14) ** 4)),
        "dimple_left": dimple * (x > 0),
        "dimple_right": dimple * (x < 0),
        "marionette": 0.24 * line((0.285, -0.735), (0.305, -0.80), (0.29, -0.88), w=0.014),
        "lid": 0.25 * _crease(np.abs(y - lid), 0.010) * (np.abs(ax - EYE_X) < EYE_HALF * 0.95),
        "brow_shadow": -0.25 * gauss(ax, y, 0.33, 0.13, 0.13, 0.035),
    }


def _shadow(ax: Array, y: Array) -> Array:
    """Multiplier: shadows of brow, nose, lower lip and chin, and the dark of the nostrils."""
    alar = distance_to_line(ax, y, smooth_line([(0.12, -0.365), (0.172, -0.41), (0.168, -0.465), (0.135, -0.485)]))
    dark = 0.22 * gauss(ax, y, 0, -0.525, 0.11, 0.018) + 0.14 * gauss(ax, y, 0, -0.56, 0.13, 0.045)
    dark += 0.20 * np.exp(-((alar / 0.013) ** 2)) + 0.14 * gauss(ax, y, 0, -0.855, 0.14, 0.024)
    dark += 0.10 * gauss(ax, y, 0.20, 0.085, 0.10, 0.045) + 0.05 * gauss(ax, y, 0.16, -0.20, 0.035, 0.16)
    dark += 0.20 * smoothstep(-1.06, -1.165, y) + 0.10 * smoothstep(0.55, 0.9, ax) * smoothstep(-0.3, -0.8, y)
    nostril = ((ax - 0.068) / 0.036) ** 2 + ((y + 0.487 - 0.10 * (ax - 0.068)) / 0.0165) ** 2
    return np.asarray((1 - dark) * (1 - 0.75 * np.exp(-(nostril**1.5))))


@lru_cache(maxsize=1)
def canvas() -> Canvas:
    """Everything about the texture that is the same for all identities (built once)."""
    a = (np.arange(SIZE) + 0.5) / SIZE * 2 * A_MAX - A_MAX
    rows = Y_HIGH - (np.arange(SIZE) + 0.5) / SIZE * (Y_HIGH - Y_LOW)
    angle, y = np.meshgrid(a / KA, rows)
    w = half_width(rows)[:, None]
    behind = np.sign(angle) * w * (2 - np.sin(np.abs(angle)))
    x = np.where(np.abs(angle) < np.pi / 2, w * np.sin(angle), behind).astype(np.float32)
    y, angle, ax = y.astype(np.float32), angle.astype(np.float32), np.abs(x)
    at = np.clip(x, -MOUTH_HALF, MOUTH_HALF)
    inside = np.minimum(lip_top(at) - y, y - lip_bottom(at))
    seam = np.minimum(np.abs(y - inner_top(at)), np.abs(y - inner_bottom(at)))
    seam = np.where((y < inner_top(at)) & (y > inner_bottom(at)), 0, seam)
    t = (ax - EYE_X) / EYE_HALF
    near, tc = np.abs(t) < 1.06, np.clip(t, -1, 1)
    lash_width = 0.013 + 0.007 * np.clip(tc, 0, 1)
    cheek = np.interp(ax, [0, 0.1, 0.28, 0.36, 0.5, 0.66, 0.8], [-0.535, -0.545, -0.62, -0.66, -0.50, -0.25, -0.1])
    beard = smoothstep(0.03, -0.03, y - cheek) * (1 - 0.8 * np.exp(-((ax / 0.06) ** 2) - ((y + 0.85) / 0.03) ** 2))
    blush = 0.10 * gauss(ax, y, 0.43, -0.26, 0.15, 0.13) + 0.09 * gauss(ax, y, 0, -0.40, 0.11, 0.08)
    maps = {k: v.astype(np.float32) for k, v in _wrinkles(x, ax, y).items()}
    return Canvas(
        x=x,
        ax=ax,
        y=y,
        angle=angle,
        wrinkles=maps,
        shadow=_shadow(ax, y).astype(np.float32),
        lips=(smoothstep(-0.008, 0.012, inside) * (ax < MOUTH_HALF * 1.01)).astype(np.float32),
        lip_tone=(
            (1 + 0.05 * np.sin(x * 150 + 8 * np.sin(y * 20)))
            * (1 + 0.10 * (y < MOUTH_Y) + 0.14 * gauss(ax, y, 0, MOUTH_Y - 0.055, 0.10, 0.02))
        ).astype(np.float32),
        seam=(0.72 * np.exp(-((seam / 0.013) ** 2)) * (ax < MOUTH_HALF * 1.03)).astype(np.float32),
        upper_lash=(0.72 * np.exp(-(((y - upper_lid(tc)) / lash_width) ** 2)) * near).astype(np.float32),
        lower_lash=(0.38 * np.exp(-(((y - lower_lid(tc)) / 0.008) ** 2)) * near).astype(np.float32),
        beard=(beard * (1 - 0.65 * gauss(ax, y, 0.34, -0.72, 0.04, 0.06))).astype(np.float32),
        blush=blush.astype(np.float32),
        lid_shadow=(0.10 * gauss(ax, y, EYE_X - 0.04, 0.09, 0.14, 0.045)).astype(np.float32),
        tired=(0.12 * gauss(ax, y, EYE_X - 0.02, -0.105, 0.12, 0.035)).astype(np.float32),
    )


@lru_cache(maxsize=1)
def wrinkle_matrix() -> tuple[Array, Array]:
    """Texels (flat ids into SIZE x SIZE) any wrinkle touches, and the maps there (12, n), in the order of WRINKLES."""
    maps = np.stack([canvas().wrinkles[k].ravel() for k in WRINKLES])
    touched = np.flatnonzero(np.abs(maps).max(0) > 0.012)
    return touched, np.ascontiguousarray(maps[:, touched])


def wrinkle_weights(acts: dict[str, float]) -> Array:
    """Depth (12,) of each wrinkle under the given action units."""

    def side(name: str, letter: str) -> float:
        return max(0.0, acts.get(name, 0.0) + acts.get(name + letter, 0.0))

    def both(name: str) -> float:
        halves = 0.5 * (acts.get(name + "L", 0.0) + acts.get(name + "R", 0.0))
        return max(0.0, acts.get(name, 0.0) + halves)

    values = {
        "nasolabial": both("AU12") * 0.9 + both("AU10") * 0.9 + both("AU9") * 0.7 + both("AU20") * 0.3,
        "forehead": both("AU2") * 0.9 * max(0.0, 1 - 0.6 * both("AU4")),
        "inner_forehead": both("AU1") * (1 - 0.8 * min(1.0, both("AU2"))),
        "glabella": both("AU4"),
        "nose": both("AU9"),
        "crow": both("AU6") * 0.9 + both("AU9") * 0.2,
        "chin": both("AU17"),
        "dimple_left": side("AU14", "L") + 0.35 * side("AU12", "L"),
        "dimple_right": side("AU14", "R") + 0.35 * side("AU12", "R"),
        "marionette": both("AU15"),
        "lid": both("AU5") * 0.5,
        "brow_shadow": both("AU4") * 0.8,
    }
    return np.array([min(values[k], 1.4) for k in WRINKLES], np.float32)


def noise(r: Generator, shape: tuple[int, int], sigma: float | tuple[float, float]) -> Array:
    """Smooth float32 noise with standard deviation 1. Wide noise is made small and repeated up: it has no detail."""
    factor = 4 if isinstance(sigma, float) and sigma >= 8 else 1
    small = (-(-shape[0] // factor), -(-shape[1] // factor))
    width = sigma / factor if isinstance(sigma, float) else sigma
    g = gaussian_filter(r.standard_normal(small, dtype=np.float32), width, truncate=3.0, mode="wrap")
    g = g.repeat(factor, 0).repeat(factor, 1)[: shape[0], : shape[1]] if factor > 1 else g
    return np.asarray(g / g.std())


def _blend(base: Array, colour: Array, mask: Array) -> Array:
    m = mask[..., None]
    return np.asarray(base + (colour - base) * m)


def _skin(who: Identity, r: Generator) -> Array:
    c, skin = canvas(), who.skin
    shape = (SIZE, SIZE)
    grain = 1 + 0.012 * noise(r, shape, 1.0) + 0.012 * noise(r, shape, 3.0) + 0.018 * noise(r, shape, 14.0)
    tone = np.array(skin.tone, np.float32)
    t = grain[..., None] * tone
    t *= 1 + (skin.blush * c.blush)[..., None] * np.array([0.5, -0.75, -0.7], np.float32)
    t *= 1 - ((0.5 + skin.age) * c.tired)[..., None] * np.array([0.8, 1.0, 0.9], np.float32)
    shade = c.shadow * (1 - c.lid_shadow)
    t *= 1 - (1 - shade)[..., None] * _SHADOW
    if skin.freckles > 0.05:
        spots = gaussian_filter((r.random(shape, np.float32) < 0.012).astype(np.float32), 0.9, truncate=3.0)
        spots *= gauss(c.ax, c.y, 0.22, -0.22, 0.25, 0.13).astype(np.float32)
        t *= 1 - np.clip(spots * 3.0 * skin.freckles, 0, 0.35)[..., None] * np.array([0.5, 0.8, 1], np.float32)
    w = c.wrinkles
    old = max(0.0, skin.age - 0.15)
    lines = 0.75 * w["nasolabial"] + 0.6 * w["forehead"] + 0.5 * w["crow"] + 0.4 * w["marionette"]
    t *= (1 + old * lines)[..., None]
    for _ in range(skin.moles):
        mx, my, size = r.uniform(-0.55, 0.55), r.uniform(-1.0, 0.6), r.uniform(0.008, 0.016)
        mole = np.exp(-(((c.x - mx) / size) ** 2) - ((c.y - my) / size) ** 2)
        t *= 1 - (0.65 * mole)[..., None] * np.array([0.7, 0.95, 1], np.float32)
    return t.astype(np.float32)


def _beard(t: Array, who: Identity, r: Generator) -> Array:
    amount = 0.9 if who.skin.beard else 0.30 * who.skin.stubble
    if amount <= 0:
        return t
    mask = np.clip(canvas().beard * amount * (1 + 0.22 * noise(r, (SIZE, SIZE), (1.6, 0.6))), 0, 0.95)
    return _blend(t, np.array(who.hair.colour, np.float32) * 0.9 + 0.02, mask)


def _mouth_and_eyes(t: Array, who: Identity) -> Array:
    c, skin = canvas(), who.skin
    tone = np.array(skin.tone, np.float32)
    bright = float(tone.mean())
    tint = np.array(_LIP_HUES[skin.lip_hue], np.float32) * (0.55 + 0.5 * bright)
    lip = tone * np.array([0.93, 0.62, 0.62], np.float32) * (1 - skin.lip_tint) + skin.lip_tint * tint
    t = _blend(t, lip * c.lip_tone[..., None], 0.88 * c.lips)
    t *= (1 - c.seam)[..., None]
    t *= (1 - np.clip(skin.lash * c.upper_lash, 0, 0.94))[..., None]
    t *= (1 - skin.lash * c.lower_lash)[..., None]
    t *= (1 + who.shape.lid_fold * c.wrinkles["lid"])[..., None]
    wet = np.exp(-(((c.ax - EYE_X + EYE_HALF) / 0.022) ** 2) - ((c.y + 0.01) / 0.02) ** 2)
    return _blend(t, np.array([0.75, 0.40, 0.38], np.float32) * min(bright * 1.3, 1.0), 0.45 * wet)


def _brows(t: Array, who: Identity, r: Generator) -> Array:
    c = canvas()
    rows = slice(*np.searchsorted(-c.y[:, 0], [-0.40, -0.10]))
    x, ax, y = c.x[rows], c.ax[rows], c.y[rows]
    curve = smooth_line(BROW, 30)
    arc = np.interp(ax, curve[:, 0], curve[:, 1])
    u = (ax - 0.085) / (0.56 - 0.085)
    thick = who.skin.brow_thickness * np.interp(u, [0, 0.12, 0.5, 0.8, 1], [0.75, 1.05, 1.0, 0.7, 0.22])
    grain = noise(r, (SIZE, SIZE), 0.6)
    i, j = np.mgrid[rows.start : rows.stop, 0:SIZE]
    sheared = grain[(i + np.rint(0.55 * j * np.sign(x)).astype(int)) % SIZE, (0.45 * j).astype(int) % SIZE]
    mask = smoothstep(1.25, 0.55, np.abs(y - arc) / thick * (1 + 0.16 * sheared))
    mask *= smoothstep(-0.02, 0.06, u) * smoothstep(1.03, 0.93, u) * who.skin.brow_density
    colour = np.minimum(np.array(who.hair.colour, np.float32), 0.45) * 0.75
    t[rows] = _blend(t[rows], colour, np.clip(mask * (1 + 0.14 * sheared), 0, 0.97))
    return t


def paint_face(who: Identity, hairline: Array | None) -> Array:
    """Albedo (SIZE, SIZE, 3) float32. hairline: height over |angle| at each texel, or None for a bald head."""
    r = np.random.default_rng([who.number, 77])
    t = _brows(_mouth_and_eyes(_beard(_skin(who, r), who, r), who), who, r)
    if hairline is not None:
        grain = noise(r, (SIZE, SIZE), 0.7)
        buzz = who.hair.style == "buzz"
        edge = smoothstep(-0.02, 0.05, canvas().y - hairline + (0.0 if buzz else 0.03) + 0.012 * grain)
        edge *= 0.78 + 0.10 * grain if buzz else 0.92
        t = _blend(t, np.array(who.hair.colour, np.float32) * 0.9, np.clip(edge, 0, 1))
    return np.clip(t, 0.01, 1).astype(np.float32)

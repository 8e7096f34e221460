"""What is not skin of the face: eyes, mouth, ears, neck, clothes, glasses."""

from functools import lru_cache

import numpy as np
from numpy.random import Generator

from eap.synth.head_shape import width_factor
from eap.synth.identity import Identity
from eap.synth.mesh import template
from eap.synth.parts import Layer, Part, fan_triangles, grid_triangles, grid_uv, plain
from eap.synth.surface import EYE_RADIUS, Array, half_width, smoothstep
from eap.synth.texture import noise

IRIS, PUPIL = 0.53, 0.21
_BALL = 11


def eye_place(neutral: Array, who: Identity) -> Array:
    """x (of the left eye), y, z of the eyeballs' centre and their radius."""
    corners = neutral[template().landmarks[[36, 39, 42, 45]]]
    x = np.abs(neutral[template().landmarks[[36, 39, 42, 45]], 0]).mean()
    radius = EYE_RADIUS * who.shape.eye_size
    return np.array([x, corners[:, 1].mean(), corners[:, 2].mean() - radius * 0.62, radius], np.float32)


@lru_cache(maxsize=1)
def unit_ball() -> Array:
    """Front cap of the unit sphere, (n, 3); shared: not to be written to."""
    a, b = np.meshgrid(np.linspace(-1.12, 1.12, _BALL), np.linspace(1.12, -1.12, _BALL))
    return np.stack([np.sin(a) * np.cos(b), np.sin(b), np.cos(a) * np.cos(b)], -1).reshape(-1, 3).astype(np.float32)


def _eye_image(who: Identity) -> Array:
    n = 56
    gx, gy = np.meshgrid(np.linspace(-1, 1, n), np.linspace(1, -1, n))
    r, angle = np.hypot(gx, gy) * 1.25, np.arctan2(gy, gx)
    image = np.ones((n, n, 3)) * np.array([0.90, 0.88, 0.86]) * (1 - 0.14 * smoothstep(0.7, 1.2, r))[..., None]
    image[..., 1:] *= (1 - 0.07 * smoothstep(0.8, 1.2, r))[..., None]
    r = r / who.shape.iris_size
    spokes = 1 + 0.25 * np.sin(angle * 23 + 3 * np.sin(angle * 7)) * smoothstep(PUPIL, IRIS, r)
    iris = np.array(who.iris) * (spokes * (0.75 + 0.75 * smoothstep(0.45, 0.2, r)))[..., None]
    m = smoothstep(IRIS + 0.03, IRIS - 0.03, r)[..., None]
    image = image * (1 - m) + iris * m
    image *= (1 - 0.65 * np.exp(-(((r - IRIS) / 0.045) ** 2)))[..., None]
    return np.asarray(image * (1 - 0.97 * smoothstep(PUPIL + 0.04, PUPIL - 0.03, r))[..., None])


def eyes(who: Identity, place: Array) -> list[Part]:
    """Eyeballs, the flesh behind them, and their glints (names: eye_, socket_, glint_ + right, left)."""
    ball, image = unit_ball(), _eye_image(who)
    uv = np.stack([ball[:, 0] * 0.5 + 0.5, 0.5 - ball[:, 1] * 0.5], 1).clip(0, 1)
    occlusion = 1 - 0.42 * smoothstep(0.10, 0.48, ball[:, 1]) - 0.15 * smoothstep(0.45, 0.85, np.abs(ball[:, 0]))
    white = plain(np.full(3, 0.97))
    flesh = plain(np.array(who.skin.tone) * np.array([0.75, 0.5, 0.48]))
    turn = np.linspace(0, 2 * np.pi, 9)[:-1]
    light = who.light.direction
    parts = []
    for side, name in ((-1, "right"), (1, "left")):
        centre = np.array([side * place[0], place[1], place[2]])
        parts.append(
            Part(
                f"eye_{name}",
                centre + place[3] * ball,
                grid_triangles(_BALL, _BALL),
                uv,
                image,
                Layer.EYEBALL,
                occlusion,
            )
        )
        at = centre + place[3] * np.array([light[0] * 0.30 + 0.04, 0.17 + 0.12 * light[1], 0.95])
        disc = np.concatenate([[at], at + np.stack([0.022 * np.cos(turn), 0.022 * np.sin(turn), 0 * turn], 1)])
        half = np.full((9, 2), 0.5)
        # in the inner corner of a turned eye one sees past the ball
        back = centre + place[3] * np.array([-0.35 * side, 0, 0.35])
        ring = back + place[3] * np.stack([1.4 * np.cos(turn), 0.9 * np.sin(turn), 0 * turn], 1)
        socket = np.concatenate([[back], ring])
        parts.append(Part(f"socket_{name}", socket, fan_triangles(8), half, flesh, Layer.SOCKET, np.full(9, 0.5)))
        parts.append(Part(f"glint_{name}", disc, fan_triangles(8), half, white, Layer.GLINT, np.ones(9), fixed=1.0))
    return parts


def _teeth_image(count: int, top: bool) -> Array:
    w, h = 128, 24
    x, g = np.linspace(0, 1, w), np.linspace(0, 1, h)[:, None]
    gap = np.abs(np.sin(np.pi * x * count))
    image = np.ones((h, w, 3)) * np.array([0.97, 0.95, 0.89]) * (1 - 0.30 * np.exp(-((gap / 0.14) ** 2)))[None, :, None]
    gum = smoothstep(0.30, 0.20, g + 0.07 * (1 - gap[None]))[..., None]
    image = (image * (1 - gum) + np.array([0.72, 0.36, 0.36]) * gum) * (1 - 0.30 * np.abs(x - 0.5) * 2)[None, :, None]
    return np.asarray(image if top else image[::-1])


def _teeth(top: bool, middle: float, depth: float, half: float) -> Part:
    arc = np.linspace(-1.25, 1.25, 15)
    high, low = (middle + 0.125, middle - 0.046) if top else (middle - 0.008, middle - 0.14)
    z = depth - (0.055 if top else 0.075) - 0.20 * (1 - np.cos(arc))
    x = half * (0.80 if top else 0.74) * np.sin(arc)
    rows = [np.stack([x, np.full(15, y), z], 1) for y in (high, (high + low) / 2, low)]
    fade = np.repeat([0.8, 1.0, 1.08] if top else [1.0, 0.85, 0.7], 15)
    return Part(
        "upper_teeth" if top else "lower_teeth",
        np.concatenate(rows),
        grid_triangles(3, 15),
        grid_uv(3, 15),
        _teeth_image(10 if top else 12, top),
        Layer.UPPER_TEETH if top else Layer.LOWER_TEETH,
        (1 - 0.40 * np.abs(np.tile(arc, 3)) / 1.25) * fade,
        shine=0.1,
        two_sided=True,
    )


def mouth(neutral: Array) -> list[Part]:
    """Cavity, both rows of teeth and the tongue."""
    lm = template().landmarks
    middle, depth = neutral[lm[[62, 66]], 1].mean(), neutral[lm[[62, 66]], 2].mean()
    half = abs(neutral[lm[54], 0])
    turn = np.linspace(0, 2 * np.pi, 21)[:-1]
    ring = np.stack(
        [
            (half + 0.10) * np.cos(turn),
            middle - 0.01 + np.where(np.sin(turn) > 0, 0.14, 0.17) * np.sin(turn),
            np.full(20, depth - 0.22),
        ],
        1,
    )
    cavity = np.concatenate([[[0, middle, depth - 0.22]], ring])
    dark = np.repeat(np.linspace([0.20, 0.065, 0.06], [0.15, 0.04, 0.045], 4)[:, None], 4, 1)
    uv = np.stack([np.full(21, 0.5), np.r_[0.5, 0.5 - 0.5 * np.sin(turn)]], 1)
    a, b = np.meshgrid(np.linspace(-1.3, 1.3, 7), np.linspace(1.3, -0.6, 7))
    tongue = np.stack(
        [0.145 * np.sin(a) * np.cos(b * 0.6), 0.065 * np.sin(b), 0.10 * np.cos(a) * np.cos(b)], -1
    ).reshape(-1, 3)
    tongue_uv = np.stack([tongue[:, 0] / 0.29 + 0.5, 0.5 - tongue[:, 1] / 0.13], 1).clip(0, 1)
    pink = np.repeat(np.linspace([0.74, 0.33, 0.33], [0.62, 0.26, 0.27], 4)[:, None], 4, 1)
    return [
        Part("cavity", cavity, fan_triangles(20), uv, dark, Layer.CAVITY, np.ones(21), fixed=0.75, two_sided=True),
        _teeth(True, middle, depth, half),
        _teeth(False, middle, depth, half),
        Part(
            "tongue",
            tongue + np.array([0, middle - 0.085, depth - 0.19]),
            grid_triangles(7, 7),
            tongue_uv,
            pink,
            Layer.TONGUE,
            0.85 - 0.25 * np.abs(np.sin(a)).ravel(),
            shine=0.12,
        ),
    ]


def ears(who: Identity) -> list[Part]:
    """Two shells of the ears, with a dark bowl."""
    rows, columns = 5, 14
    r = np.linspace(0, 1, rows)[:, None]
    turn = np.linspace(0, 2 * np.pi, columns)[None]
    size = who.shape.ear_size
    lx = size * 0.085 * r * np.cos(turn) * (1 + 0.25 * np.sin(turn))
    ly = size * 0.185 * r * np.sin(turn) - 0.25 * lx
    lz = 0.05 * np.sin(r * np.pi) + 0.02 + 0 * turn
    foot = half_width(np.array(-0.1)) * width_factor(np.array(-0.1), who.shape)
    skin = plain(np.array(who.skin.tone) * np.array([1, 0.92, 0.90]))
    occlusion = np.repeat([0.40, 0.55, 1.0, 0.95, 0.8], columns) * (1 - 0.3 * ((np.cos(turn) < -0.4) + 0 * r)).ravel()
    parts = []
    for side in (-1, 1):
        x = side * (foot * 0.985 + 0.03 + 0.015 * who.shape.ear_out + lx)
        z = -0.13 - 0.5 * (lx + 0.05) / max(who.shape.ear_out, 0.5) + lz
        vertices = np.stack([x, -0.10 + ly + 0 * x, z], -1).reshape(-1, 3)
        triangles = grid_triangles(rows, columns, flip=side < 0)
        uv = np.full((rows * columns, 2), 0.5)
        parts.append(
            Part(f"ear{side}", vertices, triangles, uv, skin, Layer.FACE, occlusion, shine=0.05, two_sided=True)
        )
    return parts


def neck_and_clothes(who: Identity, r: Generator) -> list[Part]:
    """Neck (blends between head and body) and torso (stays with the camera)."""
    y = np.linspace(-0.42, -1.75, 12)  # starts behind the ears, so that a turned head shows no upper edge
    a = np.linspace(-2.2, 2.2, 21)
    wide = (0.42 if who.female else 0.49) * who.shape.face_width
    half = wide * np.interp(y, [-1.75, -1.45, -1.2, -0.6, -0.42], [1.9, 1.18, 1.0, 1.04, 1.2])
    z = np.interp(y, [-1.75, -1.4, -0.6], [0.10, -0.02, -0.10])[:, None] - 0.22 + 0.46 * np.cos(a)
    z = z + 0.02 * np.exp(-(((np.abs(a) - 0.45) / 0.16) ** 2))[None] * (y < -1.2)[:, None]
    vertices = np.stack([half[:, None] * np.sin(a), np.repeat(y[:, None], 21, 1), z], -1).reshape(-1, 3)
    # the chin's shadow lies on the neck
    occlusion = np.repeat(np.interp(y, [-1.65, -1.42, -1.22, -0.9], [0.95, 0.80, 0.50, 0.38]), 21)
    skin = plain(np.array(who.skin.tone) * np.array([0.97, 0.93, 0.91]))
    neck = Part(
        "neck", vertices, grid_triangles(12, 21), np.full((252, 2), 0.5), skin, Layer.NECK, occlusion, shine=0.03
    )
    return [neck, _torso(who, wide, r)]


def _torso(who: Identity, neck: float, r: Generator) -> Part:
    h, w = 64, 96
    image = np.ones((h, w, 3)) * np.array(who.cloth) * (1 + 0.03 * noise(r, (h, w), 1.0))[..., None]
    if who.collar == 2:
        image *= (1 - 0.25 * (np.sin(np.linspace(0, 50, h)) > 0.4))[:, None, None]
    a = np.linspace(-1.6, 1.6, 25)
    broad = 1.4 if who.female else 1.6
    dip = 0.34 if who.collar == 1 else 0.12
    rows = []
    for q in np.linspace(0, 1, 9):
        half = neck * 1.12 + (broad - neck * 1.12) * q**0.8
        y = -1.36 - 0.55 * q**1.7 - dip * (1 - q) * np.exp(-((a / 0.55) ** 2)) - 0.07 * (1 - q) * np.cos(a)
        rows.append(np.stack([half * np.sin(a), y, -0.15 + (0.42 + 0.25 * q) * np.cos(a)], 1))
    rows.append(rows[-1] + np.array([0, -1.2, 0]))
    return Part(
        "torso",
        np.concatenate(rows),
        grid_triangles(10, 25),
        grid_uv(10, 25),
        np.clip(image, 0, 1),
        Layer.TORSO,
        np.repeat(np.r_[0.72, np.linspace(0.88, 1, 9)], 25),
        two_sided=True,
        follows_head=False,
    )


def _strip(path: Array, across: Array) -> Array:
    """Vertices of a ribbon: rows of (left, right) along a path (n, 3)."""
    return np.stack([path - across, path + across], 1).reshape(-1, 3)


def glasses(who: Identity, neutral: Array, place: Array) -> list[Part]:
    """Frames before the eyes, a bridge, and temples to the ears (empty for people without glasses)."""
    if not who.glasses:
        return []
    ink = np.random.default_rng([who.number, 31])
    colour = [np.array([0.05, 0.05, 0.06]), np.array([0.22, 0.11, 0.06]), np.array([0.45, 0.42, 0.38])]
    image = plain(colour[int(ink.integers(3))])
    thick = float(ink.uniform(0.011, 0.02))
    turn = np.linspace(0, 2 * np.pi, 25)
    power = 1.0 if who.glasses == 1 else 0.55
    wide, high = (0.205, 0.19) if who.glasses == 1 else (0.215, 0.155)
    bend = np.stack([np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power,
                     np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power], 1)  # fmt: skip
    x, y, front = float(place[0]), float(place[1]) - 0.03, float(neutral[template().landmarks[27], 2]) + 0.07
    half_uv = 0.5
    parts = []
    for side in (-1, 1):
        z = front - 0.16 * np.abs(bend[:, 0] * side + 1) * 0.5
        centre = np.stack([side * x + wide * bend[:, 0], y + high * bend[:, 1], z], 1)
        out = np.stack([bend[:, 0], bend[:, 1], 0 * turn], 1) * thick
        ring = _strip(centre, out)
        outer_x = side * (x + wide)
        temple = np.stack(
            [
                np.linspace(outer_x, side * (float(half_width(np.array(0.0))) * who.shape.face_width + 0.035), 10),
                np.full(10, y + 0.05),
                np.linspace(front - 0.16, -0.1, 10),
            ],
            1,
        )
        ribbon = _strip(temple, np.array([0, 0.014, 0]))
        for name, v, layer in (("rim", ring, Layer.GLASSES), ("temple", ribbon, Layer.FACE)):
            n = len(v)
            uv = np.full((n, 2), half_uv)
            parts.append(
                Part(f"{name}{side}", v, grid_triangles(n // 2, 2), uv, image, layer, np.ones(n), 0.15, two_sided=True)
            )
    span = x - wide
    bridge = np.stack(
        [np.linspace(-span, span, 5), y + 0.05 + 0.02 * np.cos(np.linspace(-1.5, 1.5, 5)), np.full(5, front)], 1
    )
    ribbon = _strip(bridge, np.array([0, thick * 0.9, 0]))
    uv = np.full((10, 2), half_uv)
    parts.append(
        Part("bridge", ribbon, grid_triangles(5, 2), uv, image, Layer.GLASSES, np.ones(10), 0.15, two_sided=True)
    )
    return parts

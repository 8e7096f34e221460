"""Hair: a shell over the skull, tapered strands that break its edge and surface, and hanging locks."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from eap.synth.head_shape import stretch, width_factor
from eap.synth.identity import Hair, Identity
from eap.synth.parts import Layer, Part, grid_triangles, grid_uv
from eap.synth.surface import Array, base_surface, half_width, smoothstep
from eap.synth.texture import noise

_TOP = 1.165
_SIDE, _EAR = 0.75, 1.45  # angles (radians) from which hair lies beside the face and behind the ear


@dataclass(frozen=True)
class _Style:
    """How one style is built.

    volume over the skull; side: volume factor at the temples; line: which hairline; strands: number, reach below the
    hairline, length (fraction of hairline to crown), sweep (radians sideways), lift off the shell; bumps of the shell;
    hang: y to which locks fall (None: no locks).
    """

    volume: float
    side: float
    line: str
    strands: int
    reach: float
    length: float
    sweep: float
    lift: float
    bumps: float
    hang: float | None = None


_STYLES = {
    "crop": _Style(0.05, 0.7, "short", 60, 0.05, 0.35, 0.10, 0.012, 0.25),
    "part": _Style(0.10, 0.6, "short", 60, 0.02, 0.8, 0.75, 0.018, 0.15),
    "quiff": _Style(0.15, 0.35, "short", 60, 0.0, 0.7, -0.25, 0.045, 0.25),
    "curly": _Style(0.16, 0.95, "short", 110, 0.07, 0.16, 0.20, 0.035, 0.55),
    "afro": _Style(0.24, 1.1, "short", 120, 0.02, 0.08, 0.05, 0.03, 0.45),
    "bob": _Style(0.11, 1.0, "curtain", 50, 0.02, 0.9, 0.35, 0.015, 0.12, -0.88),
    "fringe": _Style(0.11, 1.0, "fringe", 80, 0.05, 0.8, 0.10, 0.018, 0.12, -0.80),
    "long": _Style(0.09, 1.0, "curtain", 50, 0.02, 0.9, 0.30, 0.015, 0.12, -1.75),
    "wavy": _Style(0.13, 1.15, "curtain", 60, 0.03, 0.9, 0.30, 0.03, 0.3, -1.6),
    "bun": _Style(0.05, 0.8, "short", 60, 0.0, 0.9, 0.05, 0.008, 0.08),
}


def hairline(angle: Array, hair: Hair) -> Array:
    """Height of the natural hairline over the signed angle."""
    a = np.abs(angle)
    y = np.interp(
        a,
        [0, 0.45, 0.80, 1.05, 1.22, 1.42, 1.55, 1.75, 3.2],
        [0.76, 0.74, 0.60, 0.42, 0.20, -0.12, -0.06, -0.30, -0.62],
    )
    y = y + hair.line * (a < 1) - hair.peak * np.exp(-((a / 0.16) ** 2))
    return np.asarray(y + hair.recede * np.exp(-(((a - 0.5) / 0.22) ** 2)) + 0.4 * hair.recede * (a < 0.9))


def _edge(a: Array, hair: Hair, style: _Style, r: Generator) -> Array:
    """Lower edge of the shell over its columns."""
    if style.line == "short":
        jitter = noise(r, (1, len(a)), (0.0, 0.7))[0]
        lifted = 0.02 if hair.style == "quiff" else 0.0
        return np.asarray(hairline(a, hair) + 0.028 * jitter * (np.abs(a) < 1.3) + lifted)
    if style.line == "fringe":
        y = np.interp(np.abs(a), [0, 0.7, 0.95, 1.1, 1.3, 2.6], [0.38, 0.36, 0.28, -0.05, -0.3, -0.6])
        return np.asarray(y + 0.5 * hair.line)
    y = np.interp(np.abs(a - hair.part * 0.6), [0, 0.3, 0.7, 1.0, 1.3, 2.6], [0.84, 0.72, 0.48, 0.15, -0.25, -0.6])
    covers = np.minimum(y + hair.line, hairline(a, hair) - 0.01)
    return np.where(np.abs(a) < 0.7, covers, y + hair.line)


class _Skull:
    """Maps (angle, fraction from hairline to crown, lift) to space."""

    def __init__(self, who: Identity, style: _Style, edge_angles: Array, edge: Array) -> None:
        self.who, self.style = who, style
        self.angles, self.edge = edge_angles, edge
        self.volume = style.volume * who.hair.volume

    def edge_x(self, side: int, y: Array) -> Array:
        """|x| at which the shell's edge passes the heights y on one side of the head."""
        mine = self.angles * side >= 0
        order = np.argsort(np.abs(self.angles[mine]))
        angle, edge = np.abs(self.angles[mine])[order], np.minimum.accumulate(self.edge[mine][order])
        a = np.minimum(np.interp(-y, -edge, angle), np.pi / 2)
        y = np.maximum(y, -0.6)
        return np.asarray(base_surface(a, y)[0] * width_factor(y, self.who.shape))

    def skin_z(self, x: Array, y: Array) -> Array:
        """Depth of the head's surface at (|x|, y); far back outside its outline."""
        y = np.clip(y, -1.0, 1.1)
        sine = x / (half_width(y) * width_factor(y, self.who.shape))
        z = base_surface(np.arcsin(np.minimum(sine, 1.0)), y)[1]
        return np.where(sine < 1, z, -9.0)

    def __call__(self, a: Array, q: Array, lift: Array | float, bump: Array | float = 0.0) -> Array:
        low = np.interp(a, self.angles, self.edge)
        y = np.minimum(low + q * (_TOP - low), _TOP)
        x, z = base_surface(a, y)
        shape = self.who.shape
        p = np.stack([x * width_factor(y, shape), stretch(y, shape), z], -1)
        away = p - np.array([0, 0.25, -0.05])
        away /= np.linalg.norm(away, axis=-1, keepdims=True)
        style, hair = self.style, self.who.hair
        side = 1 + (style.side - 1) * smoothstep(0.7, 0.1, y)
        # the edge lies on the skin: a gap there would show the background between hair and face
        rise = self.volume * (0.02 + 0.98 * smoothstep(0, 0.22, q) ** 0.7) * side * (1 + bump)
        if hair.style in ("part", "quiff"):
            rise = rise * (1 + 0.6 * np.exp(-(((a - hair.part) / 0.55) ** 2)))
        up = self.volume * 0.7 * smoothstep(0.4, 1, q)
        return np.asarray(p + away * (rise + lift)[..., None] + np.array([0, 1, 0]) * np.asarray(up)[..., None])


def _image(hair: Hair, r: Generator) -> Array:
    """Strand texture: v runs from the crown (0) to the tip (1)."""
    h, w = 96, 160
    if hair.style in ("curly", "afro"):
        grain = 0.16 * noise(r, (h, w), 1.1) + 0.14 * noise(r, (h, w), 2.4)
    else:
        grain = (
            0.14 * noise(r, (h, w), (9.0, 0.5))
            + 0.11 * noise(r, (h, w), (16.0, 1.6))
            + 0.06 * noise(r, (h, w), (5.0, 4.0))
        )
    v = np.linspace(0, 1, h)[:, None] + 0.05 * noise(r, (1, w), (0.0, 2.0))
    sheen = 1 + 0.55 * np.exp(-(((v - 0.42) / 0.15) ** 2)) - 0.22 * smoothstep(0.75, 1.0, v)
    return np.clip(np.array(hair.colour) * ((1 + grain) * sheen)[..., None], 0.01, 1)


def _split(name: str, v: Array, tri: Array, uv: Array, image: Array, ao: Array, a: Array, front: float) -> list[Part]:
    """Front, side and behind the ears apart: they are painted in different order."""
    angle = np.abs(a)[tri].mean(1)
    sections = (
        ("front", angle <= _SIDE, front),
        ("side", (angle > _SIDE) & (angle <= _EAR), Layer.SIDE_HAIR),
        ("back", angle > _EAR, Layer.HAIR_BEHIND),
    )
    parts = []
    for tag, pick, layer in sections:
        used, compact = np.unique(tri[pick], return_inverse=True)
        picked = compact.reshape(-1, 3)
        # seen from inside, the shell fills what would be a gap between hair and cheek on the far side
        inside = name == "shell" and tag != "front"
        parts.append(Part(f"{name}_{tag}", v[used], picked, uv[used], image, layer, ao[used], 0.12, two_sided=inside))
    return parts


def _shell(skull: _Skull, image: Array, r: Generator) -> list[Part]:
    n, rows = len(skull.angles), 13
    q = np.repeat((np.linspace(0, 1, rows) ** 0.85)[:, None], n, 1)
    a = np.repeat(skull.angles[None], rows, 0)
    bump = skull.style.bumps * (0.5 + 0.5 * skull.who.hair.wave) * 0.5 * noise(r, (rows, n), (0.8, 0.7))
    v = skull(a, q, np.zeros_like(a), bump).reshape(-1, 3)
    ao = np.interp(q, [0, 0.12, 0.4, 1], [0.50, 0.78, 1, 1.05]).ravel() * (1 + 0.12 * np.clip(bump, -1, 1)).ravel()
    uv = np.stack([np.tile(np.linspace(0, 1, n), rows), 1 - q.ravel()], 1)
    return _split("shell", v, grid_triangles(rows, n, flip=True), uv, image, ao, a.ravel(), Layer.HAIR)


def _strands(skull: _Skull, image: Array, r: Generator) -> list[Part]:
    """Tapered ribbons of three columns that lie on the shell and reach over its edge."""
    style, hair = skull.style, skull.who.hair
    n, rows = style.strands, 5
    t = np.linspace(0, 1, rows)[None, :, None]
    column = np.array([-1.0, 0.0, 1.0])[None, None]
    most = 1.25 if style.line == "short" else 2.0
    a0 = np.linspace(-most, most, n)[:, None, None] + r.normal(size=(n, 1, 1)) * 0.05
    edge_hugging = r.random((n, 1, 1)) < 0.7
    reach = style.reach * r.uniform(-0.3, 1.3, (n, 1, 1)) * (np.abs(a0) < 1.2)
    tip = np.where(edge_hugging, -reach, r.uniform(0.1, 0.6, (n, 1, 1)))
    root = tip + style.length * r.uniform(0.7, 1.2, (n, 1, 1))
    q = np.minimum(root + (tip - root) * t, 0.97)
    sweep = style.sweep * np.where(a0 > hair.part, 1.0, -1.0) * (t - 1) * np.exp(-((a0 / 1.1) ** 2))
    curl = 0.10 * hair.wave * np.sin(t * 7 + r.uniform(0, 6, (n, 1, 1))) * (hair.style in ("wavy", "curly"))
    half = r.uniform(0.05, 0.10, (n, 1, 1)) * (0.75 + 0.25 * np.sin(np.pi * t)) * (1 - t**3) + 0.004
    a = a0 + sweep + curl + half * column + r.normal(size=(n, 1, 1)) * 0.12 * (t - 1)
    lift = style.lift * (0.5 + np.sin(np.pi * np.clip(t, 0, 0.9))) * (1 - 0.75 * np.abs(column)) + 0 * q
    lift = lift + 0.012 * (q < 0.02)
    q = q + 0 * a
    v = skull(a, q, lift).reshape(-1, 3)
    shade = (
        r.uniform(0.72, 1.12, (n, 1, 1)) * np.interp(t, [0, 0.3, 1], [0.95, 1.0, 0.82]) * (1 - 0.14 * np.abs(column))
    )
    uv = np.stack([(r.random((n, 1, 1)) * 0.85 + 0.07 + 0.06 * column + 0 * q), 1 - q.clip(0, 1)], -1).reshape(-1, 2)
    one = grid_triangles(rows, 3)
    tri = (one[None] + (np.arange(n) * rows * 3)[:, None, None]).reshape(-1, 3)
    return _split("strands", v, tri, uv, image, shade.ravel(), a.ravel(), Layer.STRANDS)


def _locks(skull: _Skull, image: Array, r: Generator) -> list[Part]:
    """Hair that hangs beside the face, and a curtain behind the neck."""
    who, bottom = skull.who, skull.style.hang or 0.0
    wide, wave = who.shape.face_width, who.hair.wave * (1.0 if who.hair.style == "wavy" else 0.25)
    rows, parts = 14, []
    t = np.linspace(0, 1, rows)
    s = np.linspace(-1, 1, 21)
    out = np.interp(t, [0, 0.25, 0.6, 1], [0.74, 0.92, 0.95, 0.98 if bottom < -1 else 0.82]) * wide
    jag = 0.08 * noise(r, (1, 21), (0.0, 0.8))[0]
    y = 0.85 + (bottom + jag[None] * t[:, None] ** 2 - 0.85) * t[:, None]
    back = np.stack([out[:, None] * s, y, -0.35 - 0.1 * np.abs(s)[None] + 0 * y], -1).reshape(-1, 3)
    ao = np.full(len(back), 0.5)
    parts.append(
        Part(
            "curtain", back, grid_triangles(rows, 21), grid_uv(rows, 21), image, Layer.HAIR_CURTAIN, ao, two_sided=True
        )
    )
    for side in (-1, 1):
        for k in range(5):  # from the outside inwards, each over the last
            parts.append(_lock(skull, side, k, bottom, wave, image, r))
    return parts


def _lock(skull: _Skull, side: int, k: int, bottom: float, wave: float, image: Array, r: Generator) -> Part:
    rows, wide = 14, skull.who.shape.face_width
    t = np.linspace(0, 1, rows)[:, None]
    column = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])[None]
    share = 0.92 - 0.2 * k  # 1 outside .. 0 inside
    inner = np.interp(t, [0, 0.25, 0.5, 0.8, 1], [0.50, 0.655, 0.655, 0.61, 0.62])
    outer = np.interp(t, [0, 0.25, 0.6, 1], [0.72, 0.90, 0.95, 0.92 if bottom < -1 else 0.84])
    phase = r.uniform(0, 6)
    middle = inner + (outer - inner) * share + (0.05 * wave) * np.sin(t * 13 + phase) * t
    half = r.uniform(0.055, 0.075) * (1 - 0.85 * smoothstep(0.72, 1.0, t)) * (0.8 + 0.4 * np.sin(np.pi * t))
    half = half * (0.25 + 0.75 * smoothstep(0.0, 0.15, t))
    length = bottom + r.uniform(-0.10, 0.10)
    top = 0.68 - 0.35 * (1 - share)
    y = top + (length - top) * t + 0 * column
    # never before the forehead: the lock comes out from under the shell's edge
    edge = skull.edge_x(side, y[:, :1]) + 0.02 * column + 0.07 * smoothstep(0.25, 0.0, t)
    x = side * np.maximum((middle + half * column * 1.2) * wide, np.where(y > -0.35, edge, 0))
    z = 0.02 + 0.20 * (1 - share) + 0.06 * np.cos(column * 1.4) + 0.08 * t
    z = np.maximum(z, skull.skin_z(np.abs(x), y) + 0.03 * (1 - column**2) + 0.03)
    v = np.stack([x, y, z], -1).reshape(-1, 3)
    shade = r.uniform(0.72, 1.05) * (1 - 0.22 * np.abs(column)) * np.interp(t, [0, 0.2, 0.8, 1], [0.9, 1, 0.95, 0.75])
    u = r.random() * 0.7 + 0.15 + 0.1 * column + 0 * t
    uv = np.stack([u, t + 0 * u], -1).reshape(-1, 2)
    tri = grid_triangles(rows, 5, flip=side < 0)
    return Part(f"lock{side}_{k}", v, tri, uv, image, Layer.LOCKS, shade.ravel(), shine=0.08, two_sided=True)


def _bun(who: Identity, image: Array) -> Part:
    a, b = np.meshgrid(np.linspace(0, 2 * np.pi, 12), np.linspace(-1.5, 1.5, 8))
    v = np.stack([0.28 * np.cos(b) * np.sin(a), 1.22 + 0.22 * np.sin(b), -0.15 + 0.28 * np.cos(b) * np.cos(a)], -1)
    uv = np.stack([a.ravel() / 6.3, b.ravel() / 3.2 + 0.5], 1)
    ao = 0.8 + 0.2 * np.sin(b).ravel()
    return Part("bun", v.reshape(-1, 3), grid_triangles(8, 12), uv, image, Layer.BUN, ao, shine=0.06, two_sided=True)


def covered(angle: Array, y: Array, hair: Hair) -> Array:
    """Which points of the scalp the hair hides from every side."""
    style = _STYLES.get(hair.style)
    if style is None:
        return np.zeros(np.shape(y), bool)
    line = np.maximum(hairline(angle, hair), _edge(angle, hair, style, np.random.default_rng(0)))
    return np.asarray(y > line + 0.14)


def hair_parts(who: Identity) -> list[Part]:
    """All hair of this identity (none for bald and buzzed heads: the latter is painted on the skin)."""
    style = _STYLES.get(who.hair.style)
    if style is None:
        return []
    r = np.random.default_rng([who.number, 13])
    image = _image(who.hair, r)
    angles = np.linspace(-2.6, 2.6, 57)
    skull = _Skull(who, style, angles, _edge(angles, who.hair, style, r))
    parts = _shell(skull, image, r) + _strands(skull, image, r)
    if style.hang is not None:
        parts += _locks(skull, image, r)
    if who.hair.style == "bun":
        parts.append(_bun(who, image))
    return parts

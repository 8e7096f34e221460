"""The face template: one triangle mesh shared by all identities, with the 68 landmarks among its vertices."""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
from scipy.spatial import Delaunay, cKDTree

from eap.synth.surface import (
    A_MAX,
    BROW,
    EYE_HALF,
    EYE_X,
    KA,
    MOUTH_HALF,
    Y_HIGH,
    Y_LOW,
    Array,
    angle_at,
    half_width,
    in_polygon,
    inner_bottom,
    inner_top,
    lip_bottom,
    lip_top,
    lower_lid,
    mouth_line,
    upper_lid,
)

EYE_RINGS = (0.0, 0.020, 0.047, 0.085)
LIP_RINGS = (0.0, 0.3, 0.62, 1.0, 1.35, 1.8)  # 0 = inner edge, 1 = vermilion border
JAW_Y = (0.0, -0.20, -0.40, -0.59, -0.77, -0.92, -1.04, -1.115, -1.14)
JAW_X = (0.99, 0.99, 0.985, 0.97, 0.92, 0.80, 0.63, 0.36, 0.0)
CONTOUR_SAMPLES = 11
BROW_MARKS = (0.13, 0.245, 0.36, 0.46, 0.545)  # |x| of the brow landmarks


class Kind(IntEnum):
    """What a template vertex belongs to."""

    SKIN = 0
    UPPER_LID = 1
    LOWER_LID = 2
    UPPER_LIP = 3
    LOWER_LIP = 4
    CORNER = 5


@dataclass(frozen=True)
class Template:
    """The mesh of n vertices.

    domain (n,2) = (A, y); x, y (n,) frontal position; kind, along (lid or lip parameter), ring (loop); triangles (m,3);
    landmarks (68,) vertex ids; *_rings vertex ids per lip ring; lid_margin = vertices that rest on the eyeball,
    lid_edges = upper and lower lid edge vertices that meet in a blink; contour_* = for each jaw landmark a path of
    surface points (17, CONTOUR_SAMPLES, 3) as vertex ids and barycentric weights, and its outward direction (17,2).
    """

    domain: Array
    x: Array
    y: Array
    kind: Array
    along: Array
    ring: Array
    triangles: Array
    landmarks: Array
    upper_rings: tuple[Array, ...]
    lower_rings: tuple[Array, ...]
    lid_margin: Array
    lid_edges: tuple[Array, Array]
    contour_vertices: Array
    contour_weights: Array
    contour_direction: Array


class _Points:
    """Feature vertices under construction."""

    def __init__(self) -> None:
        self.position: list[tuple[float, float]] = []
        self.tag: list[tuple[int, float, float]] = []
        self.landmark: dict[int, int] = {}

    def add(self, x: float, y: float, kind: Kind = Kind.SKIN, along: float = 0.0, ring: float = 0.0) -> int:
        self.position.append((float(x), float(y)))
        self.tag.append((int(kind), along, ring))
        return len(self.position) - 1

    def nearest(self, row: list[int], x: float) -> int:
        return min(row, key=lambda i: abs(self.position[i][0] - x))


def _add_eye(points: _Points, side: int) -> list[int]:
    """Four nested loops round one eye; returns the lid margin's loop."""
    ts = 0.5 * (np.linspace(-1, 1, 13) - np.cos(np.linspace(0, np.pi, 13)))
    margin: list[int] = []
    for ring in EYE_RINGS:
        grow = EYE_HALF * (1 + ring * 2.0)
        loop = []
        for t in ts:
            y = upper_lid(t) + ring * (1 - 0.35 * t * t)
            loop.append(points.add(side * (EYE_X + grow * t), y, Kind.UPPER_LID, t, ring))
        for t in ts[-2:0:-1]:
            y = lower_lid(t) - ring * (1 - 0.35 * t * t)
            loop.append(points.add(side * (EYE_X + grow * t), y, Kind.LOWER_LID, t, ring))
        margin = margin or loop

    def pick(kind: Kind, t: float) -> int:
        return min((i for i in margin if points.tag[i][0] == kind), key=lambda i: abs(points.tag[i][1] - t))

    up, low = Kind.UPPER_LID, Kind.LOWER_LID
    wanted = (
        {36: (up, 1.0), 37: (up, 0.4), 38: (up, -0.4), 39: (up, -1.0), 40: (low, -0.4), 41: (low, 0.4)}
        if side < 0
        else {42: (up, -1.0), 43: (up, -0.4), 44: (up, 0.4), 45: (up, 1.0), 46: (low, 0.4), 47: (low, -0.4)}
    )
    points.landmark.update({k: pick(kind, t) for k, (kind, t) in wanted.items()})
    return margin


def _add_mouth(points: _Points) -> list[int]:
    """Six nested loops with shared corners; returns the inner loop."""
    xs = MOUTH_HALF * np.sin(np.linspace(-np.pi / 2, np.pi / 2, 17))
    rows: dict[tuple[float, bool], list[int]] = {}
    corner: dict[tuple[float, bool], int] = {}
    for ring in LIP_RINGS:
        for up in (True, False):
            row = []
            for x in xs:
                at = x * (0.905 + 0.095 * ring) if ring <= 1 else x * (1 + 0.22 * (ring - 1))
                if abs(x) > MOUTH_HALF * 0.999:
                    if up:
                        row.append(points.add(at, float(mouth_line(at)), Kind.CORNER, 0.0, ring))
                        corner[(ring, x > 0)] = row[-1]
                    continue
                if ring <= 1:
                    inner, outer = (inner_top(at), lip_top(at)) if up else (inner_bottom(at), lip_bottom(at))
                    y = inner + ring * (outer - inner)
                else:
                    y = (lip_top(x) if up else lip_bottom(x)) + (1 if up else -1) * 0.055 * (ring - 1)
                row.append(points.add(at, float(y), Kind.UPPER_LIP if up else Kind.LOWER_LIP, x / MOUTH_HALF, ring))
            rows[(ring, up)] = row
    lm = points.landmark
    lm[48], lm[54], lm[60], lm[64] = (corner[k] for k in ((1.0, False), (1.0, True), (0.0, False), (0.0, True)))
    for ids, xx, key in (
        ((49, 50, 51, 52, 53), (-0.16, -0.05, 0, 0.05, 0.16), (1.0, True)),
        ((55, 56, 57, 58, 59), (0.16, 0.095, 0, -0.095, -0.16), (1.0, False)),
        ((61, 62, 63), (-0.09, 0, 0.09), (0.0, True)),
        ((65, 66, 67), (0.09, 0, -0.09), (0.0, False)),
    ):
        lm.update({k: points.nearest(rows[key], x) for k, x in zip(ids, xx, strict=True)})
    return rows[(0.0, True)] + rows[(0.0, False)][::-1]


def _jaw(i: int) -> tuple[float, float]:
    """Frontal position of jaw landmark i (0..16)."""
    k = 8 - abs(i - 8)
    return float(np.sign(i - 8)) * JAW_X[k] * float(half_width(np.asarray(JAW_Y[k]))), JAW_Y[k]


def _add_lines(points: _Points) -> None:
    """Brow, nose and jaw landmarks."""
    lm = points.landmark
    # evenly along the brow, as iBUG marks it
    for i, (bx, by) in enumerate(zip(BROW_MARKS, np.interp(BROW_MARKS, *BROW.T), strict=True)):
        lm[21 - i], lm[22 + i] = points.add(-bx, by), points.add(bx, by)
    for k, y in zip((27, 28, 29, 30), (0.03, -0.11, -0.25, -0.385), strict=True):
        lm[k] = points.add(0.0, y)
    nostrils = ((-0.14, -0.455), (-0.075, -0.49), (0.0, -0.505), (0.075, -0.49), (0.14, -0.455))
    for k, (x, y) in zip((31, 32, 33, 34, 35), nostrils, strict=True):
        lm[k] = points.add(x, y)
    for i in range(17):
        lm[i] = points.add(*_jaw(i))


def _filler(features: Array, holes: list[Array]) -> Array:
    """Grid points (domain) between the feature points: pitch .062, coarser behind, finer on the nose."""
    pitch = 0.062
    found: list[tuple[float, float]] = []
    for j, y in enumerate(np.arange(Y_LOW, Y_HIGH + 1e-6, pitch * 0.87)):
        for i, x in enumerate(np.arange(0, A_MAX + 1e-6, pitch) + (pitch / 2 if j % 2 else 0)):
            behind = x > 0.95 and (j % 2 or i % 2)
            crown = y > 0.75 and j % 2 and i % 2
            if x <= A_MAX and not behind and not crown:
                found += [(x, y), (-x, y)] if x > 0 else [(x, y)]
    found += [(s * A_MAX, y) for s in (-1, 1) for y in np.linspace(Y_LOW, Y_HIGH, 22)]
    found += [(x, y) for y in (Y_HIGH, Y_LOW) for x in np.linspace(-1.4, 1.4, 24)]
    found += [(x, y) for y in np.arange(-0.56, 0.1, 0.045) for x in np.arange(-0.23, 0.231, 0.046)]
    grid = np.array(found)
    keep = cKDTree(features).query(grid)[0] > 0.036
    for hole in holes:
        keep &= ~in_polygon(grid, hole)
    grid = grid[keep]
    near = cKDTree(grid).query_ball_point(grid, 0.026)
    ok = np.ones(len(grid), bool)
    for i, others in enumerate(near):
        if ok[i]:
            ok[[k for k in others if k > i]] = False
    return np.asarray(grid[ok])


def _locate(points: Array, domain: Array, triangles: Array) -> tuple[Array, Array]:
    """Vertices (n, 3) of the triangles that hold the points, and barycentric weights; in a hole, the nearest one."""
    a, b, c = (domain[triangles[:, k]] for k in range(3))
    e1, e2 = b - a, c - a
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    d = points[:, None] - a[None]
    w1 = (d[..., 0] * e2[:, 1] - d[..., 1] * e2[:, 0]) / area
    w2 = (d[..., 1] * e1[:, 0] - d[..., 0] * e1[:, 1]) / area
    weights = np.stack([1 - w1 - w2, w1, w2], -1)
    best = weights.min(-1).argmax(1)
    inside = np.maximum(weights[np.arange(len(points)), best], 0)
    return triangles[best], inside / inside.sum(1, keepdims=True)


def _contour(domain: Array, triangles: Array) -> tuple[Array, Array, Array]:
    """Paths across the jaw line on which the silhouette is looked for, as it moves over the surface when heads turn.

    Vertex ids and barycentric weights of the samples, and the outward direction of each of the 17 landmarks.
    """
    ids = np.zeros((17, CONTOUR_SAMPLES, 3), np.int32)
    weights = np.zeros((17, CONTOUR_SAMPLES, 3), np.float32)
    direction = np.zeros((17, 2), np.float32)
    jaw = np.array([_jaw(i) for i in range(17)])
    for i in range(17):
        tangent = jaw[min(i + 1, 16)] - jaw[max(i - 1, 0)]
        out = np.array([tangent[1], -tangent[0]]) / np.hypot(*tangent)
        side, y = np.sign(i - 8), jaw[i, 1]
        low = float(np.clip(-out[1], 0, 1))  # 0 at the ear, 1 at the chin
        angle = np.linspace(0.55, 1.62, CONTOUR_SAMPLES) * (1 - low**3) + low**3 * np.abs(angle_at(*jaw[i]))
        height = y + np.linspace(0.16, Y_LOW + 0.004 - y, CONTOUR_SAMPLES) * low**2
        path = np.stack([side * KA * angle, np.clip(height, Y_LOW + 0.004, None)], 1)
        ids[i], weights[i] = _locate(path, domain, triangles)
        direction[i] = out
    return ids, weights, direction


def _lid_edges(kind: Array, ring: Array, along: Array, x: Array) -> tuple[Array, Array]:
    edges = []
    for lid in (Kind.UPPER_LID, Kind.LOWER_LID):
        ids = np.flatnonzero((kind == lid) & (ring == 0) & (np.abs(along) < 0.999))
        edges.append(ids[np.lexsort((along[ids], x[ids] > 0))])
    return edges[0], edges[1]


@lru_cache(maxsize=1)
def template() -> Template:
    """The shared template (built once per process, about a second)."""
    points = _Points()
    eyes = [_add_eye(points, -1), _add_eye(points, 1)]
    mouth = _add_mouth(points)
    _add_lines(points)
    position, tag = np.array(points.position), np.array(points.tag)
    features = np.stack([KA * angle_at(position[:, 0], position[:, 1]), position[:, 1]], 1)
    holes = [features[mouth], features[eyes[0]], features[eyes[1]]]
    domain = np.concatenate([features, _filler(features, holes)])
    n, nf = len(domain), len(features)
    tags = np.zeros((n, 3))
    tags[:nf] = tag
    x = half_width(domain[:, 1]) * np.sin(np.clip(domain[:, 0] / KA, -np.pi / 2, np.pi / 2))
    x[:nf] = position[:, 0]
    triangles = Delaunay(domain).simplices.copy()
    centre = domain[triangles].mean(1)
    bad = np.any([in_polygon(centre, hole) for hole in holes], axis=0)
    e1, e2 = domain[triangles[:, 1]] - domain[triangles[:, 0]], domain[triangles[:, 2]] - domain[triangles[:, 0]]
    cross = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    triangles[cross < 0] = triangles[cross < 0][:, ::-1]
    triangles = triangles[~bad & (np.abs(cross) > 1e-7)].astype(np.int32)
    kind, ring = tags[:, 0].astype(np.int8), tags[:, 2]
    ids, weights, direction = _contour(domain, triangles)
    return Template(
        domain=domain,
        x=x,
        y=domain[:, 1].copy(),
        kind=kind,
        along=tags[:, 1],
        ring=ring,
        triangles=triangles,
        landmarks=np.array([points.landmark[k] for k in range(68)]),
        upper_rings=tuple(np.flatnonzero((kind == Kind.UPPER_LIP) & (ring == r)) for r in LIP_RINGS),
        lower_rings=tuple(np.flatnonzero((kind == Kind.LOWER_LIP) & (ring == r)) for r in LIP_RINGS),
        lid_edges=_lid_edges(kind, ring, tags[:, 1], x),
        lid_margin=np.flatnonzero(np.isin(kind, (Kind.UPPER_LID, Kind.LOWER_LID)) & (ring < 0.05)),
        contour_vertices=ids,
        contour_weights=weights,
        contour_direction=direction,
    )

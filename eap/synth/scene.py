"""All meshes of one identity in one set of arrays, ready to be posed and drawn."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from eap.synth import anatomy, hair
from eap.synth.head_shape import neutral_head
from eap.synth.identity import Identity
from eap.synth.mesh import Kind, template
from eap.synth.parts import Atlas, Layer, Part
from eap.synth.surface import A_MAX, KA, Y_HIGH, Y_LOW, Array, gauss, smoothstep
from eap.synth.texture import canvas, paint_face

_ATLAS_HEIGHT = 384
_VIEW = 2.42  # height of the picture, in head units, for a head of standard length
_CHIN_TO_CENTRE = 0.975


@dataclass(frozen=True)
class Scene:
    """One identity with nv vertices and nt triangles.

    vertices (nv,3); triangles (nt,3) int32; incidence (nv,nt) sparse; texel (2,nv): atlas column and row; occlusion
    (nv,1), shine (nv,); normal_bias (nv,3); fixed, fixed_light: ids of vertices with their own light, and that light;
    layer, two_sided (nt,); head_weight (nv,1): 1 = turns with the head; parts: vertex ranges by name; the face is
    vertices [0, n); eye: centre x, y, z and radius; view, centre_y: framing; texels (h*w,4): the atlas, padded RGB.
    """

    who: Identity
    vertices: Array
    triangles: Array
    incidence: "sparse.csr_matrix"
    texel: Array
    occlusion: Array
    shine: Array
    normal_bias: Array
    fixed: Array
    fixed_light: Array
    layer: Array
    two_sided: Array
    head_weight: Array
    parts: dict[str, slice]
    eye: Array
    view: float
    centre_y: float
    texels: Array


def _vertex_normals(v: Array, triangles: Array) -> Array:
    face = np.cross(v[triangles[:, 1]] - v[triangles[:, 0]], v[triangles[:, 2]] - v[triangles[:, 0]])
    n = np.zeros_like(v)
    for k in range(3):
        for axis in range(3):
            n[:, axis] += np.bincount(triangles[:, k], face[:, axis], len(v))
    return np.asarray(n / (np.linalg.norm(n, axis=1, keepdims=True) + 1e-9))


def _occlusion(v: Array, triangles: Array) -> Array:
    """Ambient occlusion from the curvature of the neutral face at three scales."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    both = np.concatenate([edges, edges[:, ::-1]])
    n = len(v)
    adjacent = sparse.coo_matrix((np.ones(len(both)), (both[:, 0], both[:, 1])), (n, n)).tocsr()
    adjacent.data[:] = 1
    mean = sparse.diags(1 / np.maximum(np.asarray(adjacent.sum(1)).ravel(), 1)) @ adjacent
    normals = _vertex_normals(v, triangles)
    dark, q = np.zeros(n), v.copy()
    gain = {2: 5.0, 7: 3.0, 23: 1.6}
    for k in range(24):
        q = mean @ q
        if k in gain:
            dark += np.clip(((q - v) * normals).sum(1) * gain[k], -0.10, 0.35)
    occlusion = 1 - np.clip(dark, -0.08, 0.42)
    t = template()
    occlusion *= 1 - 0.25 * smoothstep(-1.02, -1.16, t.y)
    occlusion[np.isin(t.kind, (Kind.UPPER_LIP, Kind.LOWER_LIP)) & (t.ring < 0.01)] *= 0.7
    chin = smoothstep(-1.03, -1.13, t.y)
    return np.asarray(occlusion * (1 - chin) + 0.72 * chin)


def _face(who: Identity, neutral: Array) -> Part:
    t = template()
    ax = np.abs(t.x)
    glow = 0.5 + 0.9 * gauss(ax, t.y, 0, -0.36, 0.05, 0.10) + 0.8 * gauss(ax, t.y, 0, 0.5, 0.3, 0.2)
    shine = who.skin.gloss * (glow + 0.5 * gauss(ax, t.y, 0.42, -0.15, 0.12, 0.08))
    lips = np.isin(t.kind, (Kind.UPPER_LIP, Kind.LOWER_LIP)) & (t.ring <= 1)
    shine = np.where(lips, 0.20 + (0.12 if who.female else 0.0), shine)
    if who.skin.beard:
        shine = np.where((t.y < -0.6) & ~lips, 0.3 * shine, shine)
    angle = t.domain[:, 0] / KA
    bald = who.hair.style == "bald"
    image = paint_face(who, None if bald else hair.hairline(canvas().angle, who.hair))
    hidden = hair.covered(angle, t.y, who.hair)[t.triangles].all(1)
    uv = np.stack([(t.domain[:, 0] + A_MAX) / (2 * A_MAX), (Y_HIGH - t.domain[:, 1]) / (Y_HIGH - Y_LOW)], 1)
    return Part("face", neutral, t.triangles[~hidden], uv, image, Layer.FACE, _occlusion(neutral, t.triangles), shine)


def _incidence(triangles: Array, nv: int) -> "sparse.csr_matrix":
    n = len(triangles)
    ones = np.ones(3 * n, np.float32)
    return sparse.csr_matrix((ones, (triangles.T.ravel(), np.tile(np.arange(n), 3))), (nv, n))


def _column(part: Part, value: Array | float) -> Array:
    return np.broadcast_to(np.asarray(value, np.float32), (len(part.vertices),))


def _head_weight(parts: list[Part]) -> Array:
    """The neck turns with the head at its top only."""
    blocks = []
    for p in parts:
        y = p.vertices[:, 1]
        blocks.append(smoothstep(-1.6, -1.0, y) if p.name == "neck" else np.full(len(y), float(p.follows_head)))
    return np.concatenate(blocks).astype(np.float32)[:, None]


def build_scene(who: Identity) -> Scene:
    """Meshes, texture and framing of one identity."""
    neutral = neutral_head(who.shape)
    eye = anatomy.eye_place(neutral, who)
    r = np.random.default_rng([who.number, 7])
    parts = [_face(who, neutral), *anatomy.eyes(who, eye), *anatomy.mouth(neutral), *anatomy.ears(who)]
    parts += [*anatomy.neck_and_clothes(who, r), *hair.hair_parts(who), *anatomy.glasses(who, neutral, eye)]
    atlas = Atlas(_ATLAS_HEIGHT)
    start, ranges, texel, triangles = 0, {}, [], []
    fixed, fixed_light = [], []
    for p in parts:
        n = len(p.vertices)
        column, row = atlas.place(p.image)
        h, w = p.image.shape[:2]
        texel.append(np.clip(p.uv, 0, 1) * np.array([w - 1, h - 1]) + np.array([column, row]))
        triangles.append(p.triangles + start)
        ranges[p.name] = slice(start, start + n)
        if p.fixed is not None:
            fixed.append(np.arange(start, start + n))
            fixed_light.append(np.full(n, p.fixed, np.float32))
        start += n
    tri = np.concatenate(triangles).astype(np.int32)
    vertices = np.concatenate([p.vertices for p in parts]).astype(np.float32)
    bias = np.zeros_like(vertices)
    # the rim under the chin has no neighbours below: without help its normals point down and it goes black
    bias[: len(neutral)] = smoothstep(-1.03, -1.13, template().y)[:, None] * np.array([0, 0.9, 0.5])
    length = float(neutral[template().landmarks[27], 1] - neutral[:, 1].min())
    view = _VIEW * max(length / 1.16, 0.95) ** 0.8
    return Scene(
        who=who,
        vertices=vertices,
        triangles=tri,
        incidence=_incidence(tri, start),
        texel=np.ascontiguousarray(np.concatenate(texel).T).astype(np.float32),
        occlusion=np.concatenate([_column(p, p.occlusion) for p in parts])[:, None],
        shine=np.concatenate([_column(p, p.shine) for p in parts]),
        normal_bias=bias,
        fixed=np.concatenate(fixed),
        fixed_light=np.concatenate(fixed_light),
        layer=np.concatenate([np.full(len(p.triangles), p.layer, np.float32) for p in parts]),
        two_sided=np.concatenate([np.full(len(p.triangles), p.two_sided) for p in parts]),
        head_weight=_head_weight(parts),
        parts=ranges,
        eye=eye,
        view=view,
        centre_y=float(neutral[:, 1].min()) + _CHIN_TO_CENTRE * view / _VIEW,
        texels=np.pad(atlas.image.reshape(-1, 3), ((0, 0), (0, 1))),
    )

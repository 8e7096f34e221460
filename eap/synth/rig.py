"""From activations to posed vertices, and from vertices to the picture plane and the 68 landmarks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from eap.synth.action_units import JAW_ANGLE, activation_track, activation_vector, basis
from eap.synth.anatomy import unit_ball
from eap.synth.mesh import CONTOUR_SAMPLES, LIP_RINGS, template
from eap.synth.scene import Scene
from eap.synth.surface import Array

PIVOT = np.array([0, -0.65, -0.15], np.float32)  # where the head turns on the neck
CAMERA = 7.5  # distance of the camera, head units
_PERSONAL = ("AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10", "AU12L", "AU12R", "AU14L", "AU14R", "AU15",
             "AU16", "AU17", "AU20", "AU24")  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """What a face does at one moment.

    acts by AU name (eap.synth.action_units.AU_NAMES); head (yaw, pitch, roll) and gaze (yaw, pitch) in radians:
    positive yaw turns to the image's right, positive pitch down; shift (x, y) in head units; tongue 0..1 raised.
    """

    acts: dict[str, float] = field(default_factory=dict)
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gaze: tuple[float, float] = (0.0, 0.0)
    shift: tuple[float, float] = (0.0, 0.0)
    tongue: float = 0.0


def rotation(yaw: float, pitch: float, roll: float) -> Array:
    """Matrix Rz(roll) Ry(yaw) Rx(pitch)."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray((about_z @ about_y @ about_x).astype(np.float32))


def _personal(scene: Scene, c: Array) -> Array:
    """Basis coefficients (..., K) with the person's own expressivity, in place."""
    index = basis().index
    for name, gain in zip(_PERSONAL, scene.who.expressivity, strict=False):
        c[..., index[name]] *= gain
    lids = [index["lidUL"], index["lidUR"]]
    # a blink closes widened eyes too
    c[..., index["AU5"]] *= 1 - np.clip(c[..., lids].max(-1), 0, 1)
    c[..., lids] *= 1.09 * max(1.0, scene.who.shape.eye_height)
    return c


@dataclass(frozen=True)
class _Skin:
    """Vertex ids of the parts of a face that meet and rest on each other, in some array of its vertices."""

    upper_rings: tuple[Array, ...]
    lower_rings: tuple[Array, ...]
    lid_edges: tuple[Array, Array]
    lid_margin: Array


def _close_lips(face: Array, close: Array, skin: _Skin) -> None:
    """Inner lips never cross; `close` (0..1) brings them together whatever the expression.

    face (..., n, 3) in place; close (..., 1).
    """
    up, low = skin.upper_rings[0], skin.lower_rings[0]
    crossed = np.maximum(face[..., low, 1] - face[..., up, 1], 0) * 0.5
    face[..., low, 1] -= crossed
    face[..., up, 1] += crossed
    w = np.clip(close, 0, 1)
    if not w.any():
        return
    gap = np.maximum(face[..., up, 1] - face[..., low, 1], 0) * w
    depth = np.clip((face[..., up, 2] - face[..., low, 2]) * w, -0.1, 0.1)
    for ring, u, lo in zip(LIP_RINGS, skin.upper_rings, skin.lower_rings, strict=True):
        fade = 1 - ring / 2.2
        face[..., u, 1] -= 0.35 * gap * fade
        face[..., lo, 1] += 0.65 * gap * fade
        face[..., lo, 2] += 0.8 * depth * fade


def _rest_lids_on_eyes(face: Array, eye: Array, skin: _Skin) -> None:
    up, low = skin.lid_edges
    face[..., up, 1] = np.maximum(face[..., up, 1], face[..., low, 1])  # lids meet, they do not cross
    v = face[..., skin.lid_margin, :]
    dx, dy = np.abs(v[..., 0]) - eye[0], v[..., 1] - eye[1]
    ball = np.sqrt(np.maximum(eye[3] ** 2 - dx * dx - dy * dy, 0)) + eye[2] + 0.012
    face[..., skin.lid_margin, 2] = np.maximum(v[..., 2], ball)


@lru_cache(maxsize=1)
def _whole() -> _Skin:
    t = template()
    return _Skin(t.upper_rings, t.lower_rings, t.lid_edges, t.lid_margin)


@dataclass(frozen=True)
class _Traced:
    """The vertices that landmarks depend on: ids (m,) in the template, the rest in the array of those m alone."""

    ids: Array
    skin: _Skin
    landmarks: Array
    contour: Array
    matrix: Array


@lru_cache(maxsize=1)
def _traced() -> _Traced:
    t = template()
    rings = (*t.upper_rings, *t.lower_rings)
    ids = np.unique(np.concatenate([t.landmarks, t.contour_vertices.ravel(), *rings, *t.lid_edges]))
    place = np.full(len(t.x), -1)
    place[ids] = np.arange(len(ids))
    margin = place[t.lid_margin]
    skin = _Skin(
        tuple(place[r] for r in t.upper_rings),
        tuple(place[r] for r in t.lower_rings),
        (place[t.lid_edges[0]], place[t.lid_edges[1]]),
        margin[margin >= 0],
    )
    matrix = basis().matrix.reshape(len(basis().names), -1, 3)[:, ids].reshape(len(basis().names), -1)
    return _Traced(ids, skin, place[t.landmarks], place[t.contour_vertices], np.ascontiguousarray(matrix))


def _follow_jaw(scene: Scene, v: Array, angle: float, tongue: float) -> None:
    # raised (t d n l) the tongue shows below the upper teeth; at full height (th) its tip comes out between the rows
    out = float(np.clip((tongue - 0.8) / 0.2, 0, 1))
    moves = (("lower_teeth", 1.0, 0.0, 0.0), ("tongue", 0.7, 0.07 * tongue - 0.015 * out, 0.03 * tongue + 0.18 * out))
    for name, drop, up, forth in moves:
        part = scene.parts[name]
        y, z = v[part, 1].copy(), v[part, 2].copy()
        v[part, 1] = y - angle * (z + 0.05) * drop + up
        v[part, 2] = z + angle * (y + 0.25) + forth
    cavity = v[scene.parts["cavity"]]
    cavity[1:, 1] -= 0.75 * angle * (np.arange(20) > 10)


def posed(scene: Scene, pose: Pose) -> Array:
    """Vertices (nv, 3) float32 of the whole scene."""
    c = _personal(scene, activation_vector(pose.acts))
    v = scene.vertices.copy()
    face = v[: len(template().x)]
    used = np.flatnonzero(c)
    if len(used):
        face += (c[used] @ basis().matrix[used]).reshape(-1, 3)
    _close_lips(face, np.array([pose.acts.get("close", 0.0)], np.float32), _whole())
    _rest_lids_on_eyes(face, scene.eye, _whole())
    turn = rotation(pose.gaze[0], pose.gaze[1], 0)
    ball = scene.eye[3] * (unit_ball() @ turn.T)
    for name, side in (("eye_right", -1), ("eye_left", 1)):
        v[scene.parts[name]] = np.array([side * scene.eye[0], scene.eye[1], scene.eye[2]], np.float32) + ball
    _follow_jaw(scene, v, JAW_ANGLE * float(c[basis().index["AU26"]]), pose.tongue)
    turned = PIVOT + (v - PIVOT) @ rotation(*pose.head).T
    v += scene.head_weight * (turned - v)
    # the camera follows a nod a little, as a face crop does
    v[:, :2] += np.array([pose.shift[0], pose.shift[1] + 0.22 * np.sin(pose.head[1])], np.float32)
    return v


def project(scene: Scene, v: Array, size: int) -> Array:
    """Picture coordinates (..., 2) of points (..., 3); pixel i covers [i, i + 1)."""
    scale = (size / scene.view) * (CAMERA / (CAMERA + 0.4 - v[..., 2]))
    out = np.empty((*v.shape[:-1], 2), np.float32)
    out[..., 0] = size / 2 + v[..., 0] * scale
    out[..., 1] = size / 2 - (v[..., 1] - scene.centre_y) * scale
    return out


def _silhouette(flat: Array, roll: Array) -> Array:
    """Jaw line (T, 17, 2): on each path (T, 17, CONTOUR_SAMPLES, 2) the point that reaches furthest out."""
    c, s = np.cos(roll), np.sin(roll)
    d = template().contour_direction  # turned with the head; y down in the picture
    out = np.stack([d[:, 0] * c[:, None] + d[:, 1] * s[:, None], -d[:, 0] * s[:, None] - d[:, 1] * c[:, None]], -1)
    reach = np.einsum("tijc,tic->tij", flat, out.astype(np.float32))
    k = np.clip(reach.argmax(2), 1, CONTOUR_SAMPLES - 2)[..., None]
    before, at, after = (np.take_along_axis(reach, k + step, 2) for step in (-1, 0, 1))
    bend = before - 2 * at + after
    offset = np.where(np.abs(bend) > 1e-9, 0.5 * (before - after) / np.where(bend == 0, 1, bend), 0)
    offset = np.clip(offset, -1, 1).astype(np.float32)  # vertex of the parabola through three: no jumps between frames
    a, b, e = (np.take_along_axis(flat, k[..., None] + step, 2)[:, :, 0] for step in (-1, 0, 1))
    return np.asarray(b + 0.5 * offset * (e - a) + 0.5 * offset**2 * (a - 2 * b + e))


def _points(scene: Scene, v: Array, marks: Array, contour: Array, roll: Array, size: int) -> Array:
    """Landmarks (T, 68, 2) of vertices (T, n, 3), given the ids of the landmarks and of the jaw paths."""
    points = project(scene, v[:, marks], size)
    corners = v[:, contour.ravel()].reshape(len(v), 17, CONTOUR_SAMPLES, 3, 3)
    path = (corners * template().contour_weights[None, ..., None]).sum(3)
    points[:, :17] = _silhouette(project(scene, path, size), roll)
    return points


def landmarks(scene: Scene, v: Array, roll: float, size: int) -> Array:
    """The 68 iBUG landmarks (68, 2) in pixels. The jaw line (0..16) lies on the silhouette that shows in this pose."""
    t = template()
    return np.asarray(_points(scene, v[None], t.landmarks, t.contour_vertices, np.array([roll]), size)[0])


def landmarks_track(scene: Scene, units: Mapping[str, Array], head: Array, shift: Array, size: int) -> Array:
    """Landmarks (T, 68, 2) of T poses at once: units (T,) each by name, head (T, 3) radians, shift (T, 2)."""
    head, shift = np.asarray(head, np.float32), np.asarray(shift, np.float32)
    frames, t = len(head), _traced()
    c = _personal(scene, activation_track(units, frames))
    v = scene.vertices[t.ids] + (c @ t.matrix).reshape(frames, -1, 3)
    close = np.zeros(frames) if "close" not in units else np.asarray(units["close"])
    _close_lips(v, close.astype(np.float32)[:, None], t.skin)
    _rest_lids_on_eyes(v, scene.eye, t.skin)
    turns = np.stack([rotation(*angles) for angles in head.astype(float)])
    v = PIVOT + (v - PIVOT) @ turns.transpose(0, 2, 1)  # all of the face turns with the head
    v[..., :2] += shift[:, None]
    v[..., 1] += 0.22 * np.sin(head[:, 1:2])
    return _points(scene, v, t.landmarks, t.contour, head[:, 2], size)

"""From activations to posed vertices, and from vertices to the picture plane and the 68 landmarks."""

from dataclasses import dataclass, field

import numpy as np

from eap.synth.action_units import JAW_ANGLE, activation_vector, basis
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


def _coefficients(scene: Scene, acts: dict[str, float]) -> Array:
    """Basis coefficients with the person's own expressivity."""
    c = activation_vector(acts)
    index = basis().index
    for name, gain in zip(_PERSONAL, scene.who.expressivity, strict=False):
        c[index[name]] *= gain
    lids = [index["lidUL"], index["lidUR"]]
    c[index["AU5"]] *= 1 - min(1.0, max(0.0, float(c[lids].max())))  # a blink closes widened eyes too
    c[lids] *= 1.09 * max(1.0, scene.who.shape.eye_height)
    return c


def _close_lips(face: Array, close: float) -> None:
    """Inner lips never cross; `close` (0..1) brings them together whatever the expression."""
    t = template()
    up, low = t.upper_rings[0], t.lower_rings[0]
    crossed = np.maximum(face[low, 1] - face[up, 1], 0) * 0.5
    face[low, 1] -= crossed
    face[up, 1] += crossed
    w = min(1.0, max(0.0, close))
    if w == 0:
        return
    gap = np.maximum(face[up, 1] - face[low, 1], 0) * w
    depth = np.clip((face[up, 2] - face[low, 2]) * w, -0.1, 0.1)
    for ring, u, lo in zip(LIP_RINGS, t.upper_rings, t.lower_rings, strict=True):
        fade = 1 - ring / 2.2
        face[u, 1] -= 0.35 * gap * fade
        face[lo, 1] += 0.65 * gap * fade
        face[lo, 2] += 0.8 * depth * fade


def _rest_lids_on_eyes(face: Array, eye: Array) -> None:
    t = template()
    up, low = t.lid_edges
    face[up, 1] = np.maximum(face[up, 1], face[low, 1])  # lids meet, they do not cross
    lids = t.lid_margin
    v = face[lids]
    dx, dy = np.abs(v[:, 0]) - eye[0], v[:, 1] - eye[1]
    ball = np.sqrt(np.maximum(eye[3] ** 2 - dx * dx - dy * dy, 0)) + eye[2] + 0.012
    face[lids, 2] = np.maximum(v[:, 2], ball)


def _follow_jaw(scene: Scene, v: Array, angle: float, tongue: float) -> None:
    for name, up in (("lower_teeth", 0.0), ("tongue", tongue)):
        part = scene.parts[name]
        y, z = v[part, 1].copy(), v[part, 2].copy()
        v[part, 1] = y - angle * (z + 0.05) + up * 0.10
        v[part, 2] = z + angle * (y + 0.25) + up * 0.05
    cavity = v[scene.parts["cavity"]]
    cavity[1:, 1] -= 0.75 * angle * (np.arange(20) > 10)


def posed(scene: Scene, pose: Pose) -> Array:
    """Vertices (nv, 3) float32 of the whole scene."""
    c = _coefficients(scene, pose.acts)
    v = scene.vertices.copy()
    face = v[: len(template().x)]
    used = np.flatnonzero(c)
    if len(used):
        face += (c[used] @ basis().matrix[used]).reshape(-1, 3)
    _close_lips(face, pose.acts.get("close", 0.0))
    _rest_lids_on_eyes(face, scene.eye)
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
    """Picture coordinates (n, 2) of points (n, 3); pixel i covers [i, i + 1)."""
    scale = (size / scene.view) * (CAMERA / (CAMERA + 0.4 - v[:, 2]))
    out = np.empty((len(v), 2), np.float32)
    out[:, 0] = size / 2 + v[:, 0] * scale
    out[:, 1] = size / 2 - (v[:, 1] - scene.centre_y) * scale
    return out


def landmarks(scene: Scene, v: Array, roll: float, size: int) -> Array:
    """The 68 iBUG landmarks (68, 2) in pixels. The jaw line (0..16) lies on the silhouette that shows in this pose."""
    t = template()
    points = project(scene, v[t.landmarks], size)
    corners = v[t.contour_vertices.ravel()].reshape(17, CONTOUR_SAMPLES, 3, 3)
    path = np.einsum("ijk,ijkc->ijc", t.contour_weights, corners)
    flat = project(scene, path.reshape(-1, 3), size).reshape(17, CONTOUR_SAMPLES, 2)
    c, s = np.cos(roll), np.sin(roll)
    out = t.contour_direction @ np.array([[c, -s], [s, -c]], np.float32)  # turned with the head; y down in the picture
    reach = np.einsum("ijc,ic->ij", flat, out)
    rows = np.arange(17)
    k = np.clip(reach.argmax(1), 1, CONTOUR_SAMPLES - 2)
    before, at, after = reach[rows, k - 1], reach[rows, k], reach[rows, k + 1]
    bend = before - 2 * at + after
    offset = np.clip(np.where(np.abs(bend) > 1e-9, 0.5 * (before - after) / np.where(bend == 0, 1, bend), 0), -1, 1)
    offset = offset.astype(np.float32)[:, None]  # vertex of the parabola through three samples: no jumps between frames
    a, b, d = flat[rows, k - 1], flat[rows, k], flat[rows, k + 1]
    points[:17] = b + 0.5 * offset * (d - a) + 0.5 * offset**2 * (a - 2 * b + d)
    return points

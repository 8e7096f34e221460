"""Blendshapes: one displacement field of the template per facial action unit (AU) or articulator."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from eap.synth.mesh import EYE_RINGS, Kind, template
from eap.synth.surface import (
    KA,
    MOUTH_HALF,
    MOUTH_Y,
    Array,
    base_surface,
    gauss,
    lower_lid,
    mouth_line,
    sigmoid,
    upper_lid,
)

JAW_ANGLE = 0.27  # radians of jaw rotation at AU26 = 1
OBLIQUE = "oblique"  # a corrective shape, no unit of its own
BOTH_SIDES = ("AU12", "AU14", "lidU")  # names that stand for their L and R halves together
# Names accepted by `activation_vector`; "close" is a step of the pose (eap.synth.rig), not a displacement.
AU_NAMES = (
    "AU1", "AU2", "AU4", "AU5", "AU6", "AU7", "AU9", "AU10", "AU12", "AU12L", "AU12R", "AU14", "AU14L", "AU14R", "AU15",
    "AU16", "AU17", "AU18", "AU20", "AU22", "AU24", "AU25", "AU26", "lidU", "lidUL", "lidUR", "lidL", "tuck", "chew",
    "close",
)  # fmt: skip


@dataclass(frozen=True)
class Basis:
    """names of K shapes, matrix (K, 3 n) float32."""

    names: tuple[str, ...]
    index: dict[str, int]
    matrix: Array


class _Fields:
    """Windows over the template that the shapes share."""

    def __init__(self) -> None:
        t = template()
        self.x, self.y, self.kind, self.ring, self.along = t.x, t.y, t.kind, t.ring, t.along
        self.ax, self.sx = np.abs(t.x), np.sign(t.x)
        line = mouth_line(np.clip(t.x, -MOUTH_HALF, MOUTH_HALF))
        skin = t.kind == Kind.SKIN
        self.line = line
        self.low = (t.kind == Kind.LOWER_LIP) | (skin & (t.y <= line))
        up = (t.kind == Kind.UPPER_LIP) | (skin & (t.y > line))
        self.inside = np.clip(1 - (self.ax / MOUTH_HALF) ** 2, 0, 1)
        self.above_lids = sigmoid((t.y - 0.115) / 0.022)
        self.above_lids[(t.kind == Kind.UPPER_LID) & (t.ring < 0.06)] = 0
        self.corner = self.g(0.27, -0.69, 0.12, 0.11)
        self.wide_corner = self.g(0.27, -0.69, 0.15, 0.16)
        self.upper = up * gauss(0, t.y, 0, -0.66, 1, 0.09) * self.inside**0.6
        self.lower = self.low * gauss(0, t.y, 0, -0.76, 1, 0.10) * self.inside**0.6
        lips = np.isin(t.kind, (Kind.UPPER_LIP, Kind.LOWER_LIP, Kind.CORNER)) & (t.ring <= 1.01)
        around = np.exp(-(((t.y - MOUTH_Y) / 0.11) ** 2)) * np.exp(-((self.ax / 0.3) ** 4))
        self.lips = np.where(lips, 1, around)
        self.left, self.right = sigmoid(t.x / 0.05), sigmoid(-t.x / 0.05)
        self.lid_span = upper_lid(t.along) - lower_lid(t.along)
        fade = np.interp(t.ring, EYE_RINGS, [1, 0.95, 0.55, 0.12])
        self.lid_upper = np.where(t.kind == Kind.UPPER_LID, fade * (1 - np.abs(t.along) ** 10), 0)
        self.lid_lower = np.where(t.kind == Kind.LOWER_LID, np.interp(t.ring, EYE_RINGS, [1, 0.95, 0.70, 0.30]), 0)
        self.not_lower_lid = t.kind != Kind.LOWER_LID

    def g(self, cx: float, cy: float, sx: float, sy: float) -> Array:
        return gauss(self.ax, self.y, cx, cy, sx, sy)

    def jaw(self) -> Array:
        """1 on what follows the lower jaw, 0 above the mouth's slit, soft on the cheeks."""
        ax, far = self.ax / MOUTH_HALF, np.clip(self.ax - MOUTH_HALF, 0, 1)
        width = np.where(ax < 1, 0.02 + 0.20 * ax**3, 0.22 + 0.35 * far)
        hinge = np.where(self.ax < 0.75, self.line + 0.25 * far, -0.55)
        soft = sigmoid((hinge - self.y) / (0.45 * width))
        above = np.minimum(soft, 0.42 * ax**6)
        skin = np.where((ax < 1) & (self.y > mouth_line(self.x)), above, soft)
        lower = 1 - 0.5 * ax**4
        kinds = [self.kind == Kind.UPPER_LIP, self.kind == Kind.LOWER_LIP, self.kind == Kind.CORNER]
        return np.asarray(np.select(kinds, [0.42 * ax**6, lower, np.full_like(ax, 0.48)], skin))


def _shape(dx: Any = 0.0, dy: Any = 0.0, dz: Any = 0.0) -> Array:
    zero = np.zeros(len(template().x))
    return np.stack([zero + dx, zero + dy, zero + dz], 1)


def _lids(f: _Fields) -> dict[str, Array]:
    closing = -(f.lid_span * 0.92) * f.lid_upper
    shapes = {"lidUL": _shape(dy=closing * f.left), "lidUR": _shape(dy=closing * f.right)}
    shapes["lidL"] = _shape(dy=f.lid_span * f.lid_lower)
    shapes["AU5"] = _shape(dy=0.047 * f.lid_upper * (1 - f.along**2 * 0.8))
    shapes["AU7"] = 0.26 * shapes["lidL"] + 0.20 * (shapes["lidUL"] + shapes["lidUR"])
    return shapes


def _upper_face(f: _Fields, lids: dict[str, Array]) -> dict[str, Array]:
    g, over = f.g, f.above_lids
    upper_lids = lids["lidUL"] + lids["lidUR"]
    au6 = _shape(
        dx=f.sx * 0.012 * g(0.42, -0.26, 0.14, 0.1),
        dy=0.070 * g(0.40, -0.27, 0.17, 0.11) * f.not_lower_lid - 0.020 * g(0.48, 0.2, 0.1, 0.08) * over,
        dz=0.075 * g(0.38, -0.25, 0.13, 0.09),
    )
    au9 = _shape(
        dy=0.055 * g(0.13, -0.40, 0.09, 0.12)
        + 0.035 * f.upper * np.where(f.ax < 0.2, 1, 0.6)
        - 0.035 * g(0.10, 0.18, 0.12, 0.09) * over
        + 0.03 * g(0.2, -0.2, 0.1, 0.1) * f.not_lower_lid,
        dz=0.03 * g(0.16, -0.30, 0.07, 0.10),
    )
    return {
        "AU1": _shape(dy=0.095 * g(0.12, 0.22, 0.13, 0.13) * over, dz=0.01 * g(0.12, 0.22, 0.12, 0.1)),
        "AU2": _shape(dy=(0.105 * g(0.46, 0.23, 0.14, 0.14) + 0.03 * g(0.28, 0.26, 0.1, 0.12)) * over),
        "AU4": _shape(
            dx=-f.sx * 0.045 * g(0.15, 0.2, 0.10, 0.09) * np.minimum(f.ax / 0.06, 1),
            dy=(-0.097 * g(0.14, 0.2, 0.13, 0.10) - 0.038 * g(0.40, 0.24, 0.15, 0.09)) * over,
            dz=0.026 * g(0.10, 0.19, 0.08, 0.06),
        ),
        # AU1 with AU4: brows slant, inner ends up and drawn together (driven by the product of the two)
        OBLIQUE: _shape(
            dx=-f.sx * 0.012 * g(0.15, 0.22, 0.10, 0.09) * np.minimum(f.ax / 0.06, 1),
            dy=(0.066 * g(0.10, 0.22, 0.10, 0.11) - 0.040 * g(0.48, 0.22, 0.13, 0.10)) * over
            + 0.010 * f.lid_upper * (f.along < 0)
            - 0.012 * f.lid_upper * (f.along > 0),
        ),
        "AU6": au6 + 0.34 * lids["lidL"] + 0.10 * upper_lids,
        "AU9": au9 + 0.18 * lids["lidL"] + 0.12 * upper_lids,
    }


def _corners(f: _Fields) -> dict[str, Array]:
    g, c = f.g, f.corner
    shapes = {}
    for side, w in (("L", f.left), ("R", f.right)):
        shapes["AU12" + side] = _shape(
            dx=f.sx * 0.112 * c * w,
            dy=(0.112 * c + 0.036 * f.upper + 0.012 * f.lower + 0.055 * g(0.37, -0.44, 0.13, 0.12)) * w,
            dz=(-0.065 * c + 0.085 * g(0.38, -0.40, 0.11, 0.10)) * w,
        )
        shapes["AU14" + side] = _shape(
            dx=f.sx * 0.060 * c * w,
            dy=0.045 * c * w,
            dz=(-0.085 * g(0.30, -0.68, 0.06, 0.06) + 0.035 * g(0.40, -0.62, 0.07, 0.10)) * w,
        )
    shapes["AU15"] = _shape(dx=f.sx * 0.015 * c, dy=-0.115 * c - 0.03 * g(0.3, -0.8, 0.1, 0.1), dz=-0.02 * c)
    shapes["AU20"] = _shape(dx=f.sx * 0.108 * f.wide_corner, dy=-0.034 * f.wide_corner, dz=-0.04 * f.wide_corner)
    return shapes


def _lips(f: _Fields) -> dict[str, Array]:
    g, up, low, x, y = f.g, f.upper, f.lower, f.x, f.y
    near = np.exp(-(((y - MOUTH_Y) / 0.17) ** 2))
    return {
        "AU10": _shape(
            dy=0.069 * up * np.exp(-(((f.ax - 0.10) / 0.12) ** 2)) + 0.030 * g(0.20, -0.48, 0.10, 0.09),
            dz=0.02 * g(0.22, -0.50, 0.07, 0.08) + 0.012 * up,
        ),
        "AU16": _shape(dy=-0.055 * low, dz=0.015 * low),
        "AU17": _shape(
            dy=0.050 * low + 0.05 * g(0, -0.97, 0.17, 0.11), dz=0.035 * g(0, -0.97, 0.13, 0.09) + 0.02 * low
        ),
        "AU18": _shape(
            dx=-x * 0.40 * np.exp(-((f.ax / 0.36) ** 4)) * near,
            dy=(y - MOUTH_Y) * 0.12 * f.lips,
            dz=0.085 * np.exp(-((f.ax / 0.22) ** 2)) * np.exp(-(((y - MOUTH_Y) / 0.12) ** 2)),
        ),
        "AU22": _shape(dy=0.020 * up - 0.028 * low, dz=0.05 * (up + low)),
        "AU24": _shape(dy=-(y - f.line) * 0.54 * f.lips, dz=-0.03 * f.lips * f.inside),
        "AU25": _shape(dy=0.024 * up - 0.042 * low),
        # /f v/: the lower lip goes in under the upper teeth, the upper lip is raised off them
        "tuck": _shape(dy=0.040 * low + 0.036 * up, dz=-0.06 * low + 0.01 * up),
    }


@lru_cache(maxsize=1)
def basis() -> Basis:
    """All shapes, in a fixed order."""
    f = _Fields()
    t = template()
    lids = _lids(f)
    shapes = {**_upper_face(f, lids), **lids, **_lips(f), **_corners(f)}
    angle = t.domain[:, 0] / KA
    z = np.where(np.abs(angle) > 1.5, 0, base_surface(angle, t.y)[1])
    jaw = f.jaw()
    shapes["AU26"] = _shape(
        dx=-f.x * 0.06 * jaw, dy=-JAW_ANGLE * (z + 0.05) * jaw, dz=JAW_ANGLE * (t.y + 0.25) * jaw * 0.9
    )
    shapes["chew"] = _shape(dx=0.05 * jaw)
    names = tuple(shapes)
    matrix = np.stack([shapes[k].ravel() for k in names]).astype(np.float32)
    return Basis(names, {k: i for i, k in enumerate(names)}, matrix)


def activation_track(units: Mapping[str, Array | float], frames: int) -> Array:
    """Coefficients (frames, K) of the basis. Raises KeyError for a name that is not in AU_NAMES."""
    b = basis()
    c = np.zeros((frames, len(b.names)), np.float32)
    for name, value in units.items():
        if name in b.index and name != OBLIQUE:
            c[:, b.index[name]] += value
        elif name in BOTH_SIDES:
            c[:, b.index[name + "L"]] += value
            c[:, b.index[name + "R"]] += value
        elif name != "close":
            raise KeyError(f"unknown action unit {name!r}; known: {', '.join(AU_NAMES)}")
    for name in ("lidUL", "lidUR"):
        c[:, b.index[name]] = np.minimum(c[:, b.index[name]], 1.05)
    c[:, b.index[OBLIQUE]] = np.clip(c[:, b.index["AU1"]], 0, 1.2) * np.clip(c[:, b.index["AU4"]], 0, 1.2)
    jaw = c[:, b.index["AU26"]]
    wide = np.maximum(jaw - 0.9, 0)
    c[:, b.index["AU26"]] = (
        jaw - wide + 0.3 * np.tanh(wide / 0.3)
    )  # a jaw opens only so far: speech and surprise add up
    return c


def activation_vector(acts: Mapping[str, float]) -> Array:
    """Coefficients (K,) of the basis. Raises KeyError for a name that is not in AU_NAMES."""
    return np.asarray(activation_track(acts, 1)[0])

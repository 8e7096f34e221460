"""Who a face is: every look of identity number k follows from k alone."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

Colour = tuple[float, float, float]

SKIN_RAMP = np.array(
    [[0.95, 0.79, 0.70], [0.92, 0.73, 0.60], [0.86, 0.65, 0.50], [0.76, 0.55, 0.40], [0.62, 0.42, 0.29],
     [0.46, 0.30, 0.21], [0.34, 0.22, 0.16]]
)  # fmt: skip
HAIR_RAMP = np.array(
    [[0.07, 0.055, 0.05], [0.16, 0.10, 0.07], [0.27, 0.17, 0.10], [0.42, 0.27, 0.15], [0.66, 0.50, 0.28],
     [0.50, 0.22, 0.10], [0.55, 0.54, 0.53]]
)  # fmt: skip
IRIS_RAMP = np.array(
    [
        [0.24, 0.14, 0.07],
        [0.36, 0.22, 0.10],
        [0.30, 0.34, 0.17],
        [0.25, 0.42, 0.52],
        [0.40, 0.46, 0.50],
        [0.20, 0.30, 0.42],
    ]
)
HAIR_STYLES = ("bald", "buzz", "crop", "part", "quiff", "curly", "afro", "bob", "fringe", "long", "wavy", "bun")
_MALE_STYLES = (0.07, 0.11, 0.19, 0.19, 0.17, 0.13, 0.05, 0.01, 0.01, 0.03, 0.03, 0.01)
_FEMALE_STYLES = (0.01, 0.02, 0.07, 0.06, 0.03, 0.10, 0.06, 0.15, 0.13, 0.16, 0.12, 0.09)


@dataclass(frozen=True)
class Shape:
    """Geometry, in head units or factors round 1."""

    face_width: float
    face_length: float
    jaw: float
    square: float
    cheek_width: float
    temple: float
    chin: float
    cheek: float
    eye_apart: float
    eye_size: float
    eye_height: float
    eye_tilt: float
    eye_y: float
    brow_y: float
    brow_arch: float
    nose_width: float
    nose_length: float
    nose_height: float
    nose_bump: float
    nose_tip: float
    mouth_width: float
    mouth_y: float
    lip_upper: float
    lip_lower: float
    ear_size: float
    ear_out: float
    lopsided: float
    forehead: float
    chin_width: float
    brow_tilt: float
    brow_ridge: float
    eye_depth: float
    bridge: float
    bulb: float
    fat: float
    lid_fold: float
    iris_size: float


@dataclass(frozen=True)
class Skin:
    """Colours and marks of the skin; amounts in 0..1 unless said otherwise."""

    tone: Colour
    blush: float
    freckles: float
    age: float
    gloss: float
    lip_tint: float
    lip_hue: int
    brow_thickness: float
    brow_density: float
    lash: float
    moles: int
    stubble: float
    beard: bool


@dataclass(frozen=True)
class Hair:
    """Style (one of HAIR_STYLES) and its variation."""

    style: str
    colour: Colour
    line: float
    peak: float
    recede: float
    part: float
    wave: float
    volume: float


@dataclass(frozen=True)
class Light:
    """direction (unit, to the light), key and ambient strength, warmth (-.06 .. .06)."""

    direction: Colour
    key: float
    ambient: float
    warmth: float


@dataclass(frozen=True)
class Background:
    """kind 0 vignette, 1 gradient, 2 soft discs; base colour; seed of the discs."""

    kind: int
    colour: Colour
    seed: int


@dataclass(frozen=True)
class Identity:
    """All looks of one person.

    expressivity: personal gain of the action units (eap.synth.rig); collar 0..2; glasses: 0 none, 1 round, 2 square.
    """

    number: int
    female: bool
    shape: Shape
    skin: Skin
    hair: Hair
    iris: Colour
    cloth: Colour
    collar: int
    glasses: int
    expressivity: tuple[float, ...]
    light: Light
    background: Background


def _spread(number: int, ratio: float, offset: float) -> float:
    """A value in [0, 1) that is spread evenly over consecutive identity numbers (additive recurrence)."""
    return (offset + number * ratio) % 1.0


def _colour(c: np.ndarray) -> Colour:
    r, g, b = (float(np.clip(v, 0.01, 1.0)) for v in c)
    return r, g, b


def _normal(r: Generator, scale: float, limit: float = 2.2) -> float:
    return float(np.clip(r.normal(), -limit, limit)) * scale


def _shape(r: Generator, female: bool, dark: bool) -> Shape:
    f = float(female)
    return Shape(
        face_width=1.01 + _normal(r, 0.062) - 0.02 * f,
        face_length=0.99 + _normal(r, 0.048),
        jaw=_normal(r, 0.09) - 0.05 * f,
        square=_normal(r, 0.075) + 0.01 - 0.04 * f,
        cheek_width=_normal(r, 0.048),
        temple=_normal(r, 0.05),
        chin=_normal(r, 0.045),
        cheek=_normal(r, 0.038),
        eye_apart=_normal(r, 0.030),
        eye_size=1.05 + _normal(r, 0.105) + 0.05 * f,
        eye_height=1 + _normal(r, 0.15) + 0.05 * f,
        eye_tilt=_normal(r, 0.13),
        eye_y=_normal(r, 0.026),
        brow_y=_normal(r, 0.022) + 0.01 * f,
        brow_arch=_normal(r, 0.020) + 0.006 * f,
        nose_width=1 + _normal(r, 0.20) - 0.05 * f + 0.10 * dark,
        nose_length=_normal(r, 0.050),
        nose_height=1 + _normal(r, 0.21) - 0.05 * f,
        nose_bump=_normal(r, 0.030),
        nose_tip=_normal(r, 0.032),
        mouth_width=1.03 + _normal(r, 0.105),
        mouth_y=_normal(r, 0.025),
        lip_upper=1 + _normal(r, 0.27) + 0.12 * f + 0.2 * dark,
        lip_lower=1 + _normal(r, 0.23) + 0.1 * f + 0.15 * dark,
        ear_size=1 + _normal(r, 0.14),
        ear_out=float(r.uniform(0.4, 1.5)),
        lopsided=_normal(r, 0.008),
        forehead=_normal(r, 0.045),
        chin_width=_normal(r, 0.12),
        brow_tilt=_normal(r, 0.06),
        brow_ridge=_normal(r, 0.024) - 0.012 * f,
        eye_depth=_normal(r, 0.26),
        bridge=1 + _normal(r, 0.22),
        bulb=_normal(r, 0.5),
        fat=_normal(r, 0.045),
        lid_fold=float(r.uniform(0.1, 1.6)),
        iris_size=1 + _normal(r, 0.05),
    )


def _skin(r: Generator, female: bool, shade: float, age: float) -> Skin:
    i = min(int(shade), 5)
    tone = SKIN_RAMP[i] * (1 - shade + i) + SKIN_RAMP[i + 1] * (shade - i)
    tone = tone * (1 + np.array([0.0, _normal(r, 0.022), _normal(r, 0.03)]))
    return Skin(
        tone=_colour(tone),
        blush=float(r.uniform(0.1, 1.1)),
        freckles=float(r.uniform(0, 1) ** 3 * (shade < 2.2)),
        age=age,
        gloss=float(r.uniform(0.05, 0.17)),
        lip_tint=float(r.uniform(0.10, 0.5) + (r.uniform(0.05, 0.45) if female else 0.0)),
        lip_hue=int(r.integers(5)),
        brow_thickness=float(0.034 * (1 + _normal(r, 0.32)) * (0.76 if female else 1.05)),
        brow_density=float(r.uniform(0.5, 0.97)),
        lash=1.25 if female else 0.8,
        moles=int(r.integers(0, 5)),
        stubble=0.0 if female else max(0.0, float(r.uniform(-0.7, 0.9))),
        beard=not female and bool(r.random() < 0.2),
    )


def _hair(r: Generator, female: bool, shade: float, age: float, style: float) -> Hair:
    weights = np.cumsum(_FEMALE_STYLES if female else _MALE_STYLES)
    name = HAIR_STYLES[int(np.searchsorted(weights, style * weights[-1] * 0.99999, side="right"))]
    if shade > 3.2:
        name = {"fringe": "afro", "long": "wavy", "quiff": "curly"}.get(name, name) if r.random() < 0.5 else name
        colour = HAIR_RAMP[int(r.choice([0, 1, 2]))] if age < 0.75 else HAIR_RAMP[6]
    else:
        light_hair = [0.26, 0.24, 0.20, 0.14, 0.10, 0.06] if age < 0.75 else [0.1, 0.1, 0.05, 0.05, 0.05, 0.05]
        p = np.array([*light_hair, max(1 - sum(light_hair), 0)])
        colour = HAIR_RAMP[int(r.choice(7, p=p / p.sum()))]
    return Hair(
        style=name,
        colour=_colour(colour * r.uniform(0.85, 1.15)),
        line=float(r.uniform(-0.06, 0.05)),
        peak=float(r.uniform(-0.01, 0.05)),
        recede=0.0 if female else float(max(0.0, r.uniform(-0.10, 0.10) + 0.10 * age)),
        part=float(r.uniform(-0.45, 0.45)),
        wave=float(r.uniform(0, 1)),
        volume=float(r.uniform(0.85, 1.25)),
    )


def sample_light(r: Generator) -> Light:
    """A studio-like light from the front half."""
    d = np.array([r.uniform(-0.75, 0.75), r.uniform(0.15, 0.8), 1.0])
    d /= np.linalg.norm(d)
    return Light(
        direction=(float(d[0]), float(d[1]), float(d[2])),
        key=float(r.uniform(0.6, 0.82)),
        ambient=float(r.uniform(0.36, 0.5)),
        warmth=float(r.uniform(-0.05, 0.05)),
    )


def sample_background(r: Generator) -> Background:
    """A plain studio background."""
    colour = np.full(3, r.uniform(0.2, 0.85)) * r.uniform(0.8, 1.1, 3)
    return Background(int(r.integers(3)), _colour(colour), int(r.integers(1 << 30)))


def sample_identity(seed: int) -> Identity:
    """The person with this number. Sex, skin and hair style are spread evenly over consecutive numbers."""
    if seed < 0:
        raise ValueError(f"identity numbers start at 0, got {seed}")
    r = np.random.default_rng([seed, 5])
    female = _spread(seed, 0.7548776662466927, 0.31) < 0.5
    shade = 6 * _spread(seed, 0.6180339887498949, 0.11)
    style = _spread(seed, 0.5698402909980532, 0.47)
    age = float(r.uniform(0, 1) ** 1.4)
    dark = shade > 3.5
    iris = IRIS_RAMP[int(r.integers(6 if shade < 2.5 else 2))]
    return Identity(
        number=seed,
        female=female,
        shape=_shape(r, female, dark),
        skin=_skin(r, female, shade, age),
        hair=_hair(r, female, shade, age, style),
        iris=_colour(iris),
        cloth=_colour(r.uniform(0.1, 0.8, 3)),
        collar=int(r.integers(3)),
        glasses=int(r.integers(1, 3)) if r.random() < 0.2 else 0,
        expressivity=tuple(float(v) for v in r.uniform(0.87, 1.15, 32)),
        light=sample_light(r),
        background=sample_background(r),
    )

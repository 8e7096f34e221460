"""Recipes: one TOML file per training run, typed and validated. An ablation is a recipe, never a fork of the code."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from eap.errors import ConfigError

RECIPES = Path(__file__).parent / "recipes"
PHASES = ("wild", "neutralize", "represent")
REFERENCES = ("same-clip", "emotional", "neutral", "any")


@dataclass(frozen=True)
class LossWeights:
    """The lambdas. All values are *our choice*; a term of weight 0 is not computed."""

    pixel: float = 10.0
    per: float = 1.0
    lip: float = 20.0
    adv: float = 0.0
    metric: float = 0.0
    cls: float = 0.0
    e_adv: float = 0.0
    inten: float = 0.0
    aux_lip: float = 0.0
    aux_face: float = 0.0
    aux_shape: float = 0.0
    aux_va: float = 0.0
    aux_look: float = 0.0


@dataclass(frozen=True)
class Optim:
    """Optimiser settings: AdamW for the talker, Adam for D (TTUR)."""

    lr: float = 1e-3
    lr_pretrained: float = 1e-3
    """For what an earlier phase already trained: E_A, the lip path, G and the transformer."""
    lr_d: float = 4e-4
    warmup: int = 50
    clip: float = 1.0
    ema: float = 0.995
    voice_from_pixels: float = 0.0
    """Share of the steps after which G hears the voice's own lips, and frames teach them; before, measured ones."""
    adversary_from: float = 0.4
    """Share of the steps before D starts: earlier it destroys lips that do not move yet."""


@dataclass(frozen=True)
class Finish:
    """Last steps, after the recipe's own: pictures count, what a frozen network reads in them hardly.

    L_lip, L_aux-face and L_aux-look bring a feature to its place; held on to, they draw patterns and colours in the
    mouth that the network reads well and a person does not.
    """

    steps: int = 0
    landmarks: float = 0.1
    """Factor on the weights of ``lip``, ``aux_face`` and ``aux_look``."""
    lr: float = 0.3
    """Factor on the learning rates, which fall from there by a cosine again."""


@dataclass(frozen=True)
class Recipe:
    """One run. ``init`` names the piece it starts from; ``reference`` is the reference-image policy."""

    name: str
    phase: str
    steps: int
    """All steps, the ``voice_steps`` included."""
    title: str = ""
    init: str = ""
    reference: str = "same-clip"
    batch: int = 8
    voice_steps: int = 0
    """First steps that train the audio side alone, by the terms that need no pixels: cheap, and many more windows."""
    voice_batch: int = 16
    window: int = 32
    picks: int = 4
    seed: int = 0
    region_gain: float = 8.0
    constant_alpha: bool = False
    freeze: tuple[str, ...] = ()
    weights: LossWeights = field(default_factory=LossWeights)
    optim: Optim = field(default_factory=Optim)
    finish: Finish = field(default_factory=Finish)

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ConfigError(f"recipe {self.name}: phase {self.phase!r}", fix=f"use one of {', '.join(PHASES)}")
        if self.reference not in REFERENCES:
            raise ConfigError(
                f"recipe {self.name}: reference {self.reference!r}", fix=f"use one of {', '.join(REFERENCES)}"
            )
        if self.steps < 1 or self.batch < 1 or not 1 <= self.picks <= self.window or self.voice_steps > self.steps:
            raise ConfigError(f"recipe {self.name}: steps, batch and picks must be positive and fit each other")

    @property
    def emotional(self) -> bool:
        """Whether the emotion path (E_E, alpha, z_exp) is switched on."""
        return self.phase == "represent"

    @property
    def all_steps(self) -> int:
        """The recipe's steps and the finishing ones."""
        return self.steps + self.finish.steps

    def weights_at(self, step: int) -> LossWeights:
        """The lambdas of one step."""
        if step < self.steps:
            return self.weights
        w, factor = self.weights, self.finish.landmarks
        return replace(w, lip=w.lip * factor, aux_face=w.aux_face * factor, aux_look=w.aux_look * factor)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for logs and the card."""
        return asdict(self)


def load_recipe(name_or_path: str | Path) -> Recipe:
    """Read a recipe by name (one of the packaged ones) or by path. Unknown keys are an error.

    ``base = "eap"`` takes everything from that recipe but what is said anew: a row that lacks a single factor.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = RECIPES / f"{name_or_path}.toml"
    return build_recipe({"name": path.stem, **_read(path, name_or_path)}, str(path))


def build_recipe(values: dict[str, Any], where: str) -> Recipe:
    """A recipe from plain values. Raises ConfigError that begins with ``where``."""
    recipe: Recipe = _build(Recipe, values, where)
    return recipe


def _read(path: Path, asked: str | Path, depth: int = 0) -> dict[str, Any]:
    """The table of a recipe over that of its base, which is looked for beside it and among the packaged ones."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise ConfigError(f"{asked}: no such recipe", fix=f"use one of {known}, or a path to a .toml") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    if "base" not in values:
        return values
    base = str(values.pop("base"))
    if depth > 3:
        raise ConfigError(f"{path}: bases that never end")
    beside = path.parent / f"{base}.toml"
    below = _read(beside if beside.is_file() else RECIPES / f"{base}.toml", base, depth + 1)
    merged = below | values
    for name, value in values.items():
        if isinstance(value, dict) and isinstance(below.get(name), dict):
            merged[name] = below[name] | value
    return merged


def _build(kind: type[Any], values: dict[str, Any], where: str) -> Any:
    """Make a dataclass from a table, checking names and types."""
    known = {f.name: f for f in fields(kind)}
    for name in values:
        if name not in known:
            raise ConfigError(f"{where}: unknown setting {name!r}", fix=f"known: {', '.join(known)}")
    ready: dict[str, Any] = {}
    for name, value in values.items():
        if name == "weights":
            ready[name] = _build(LossWeights, value, f"{where} [weights]")
        elif name == "finish":
            ready[name] = _build(Finish, value, f"{where} [finish]")
        elif name == "optim":
            ready[name] = _build(Optim, value, f"{where} [optim]")
        else:
            ready[name] = _typed(value, str(known[name].type), f"{where}: {name}")
    return kind(**ready)


def _typed(value: Any, annotation: str, where: str) -> Any:
    if annotation == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if annotation == "tuple[str, ...]" and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return tuple(value)
    wanted = {"int": int, "str": str, "bool": bool}.get(annotation)
    if wanted is None or type(value) is not wanted:
        raise ConfigError(f"{where} is {value!r}, expected {annotation}")
    return value

"""Kinds of simulated raters: what each does wrong, in numbers. A mix of them stands for a crowd in a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eap.errors import ConfigError

Muddle = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class RaterKind:
    """How raters of one kind answer. Probabilities are per answer; spreads are in points of a five-point scale."""

    name: str
    text: str
    bias: float = 0.0
    """Mean shift of their ratings; each rater's own adds `bias_sd`."""
    bias_sd: float = 0.35
    noise_sd: float = 0.7
    random: float = 0.0
    """Chance that an answer is drawn evenly from all answers, without looking."""
    same: float = 0.0
    """Chance that an answer is the rater's favourite one, whatever is shown."""
    skill_sd: float = 0.3
    """Spread of the raters' skill at naming emotions, on the probit scale."""
    muddle: Muddle = field(default_factory=dict)
    """Emotion seen -> {answered instead: chance}."""
    attention: float = 0.98
    """Chance to follow a trap's instruction."""
    leaves: float = 0.0
    """Chance to leave for good somewhere in the session."""
    seconds: float = 4.0
    """Median seconds to an answer."""
    lag: float = 0.7
    """Seconds by which the slider hand follows the eye; each rater's own adds up to .3."""
    stalls: float = 0.02
    """Chance that a clip stalls."""


KINDS: dict[str, RaterKind] = {
    kind.name: kind
    for kind in (
        RaterKind("honest", "looks, listens, answers as seen"),
        RaterKind("biased", "honest, but a point too high or too low", bias_sd=1.0),
        RaterKind("lazy", "mostly gives a favourite answer, quickly", same=0.6, attention=0.8, seconds=1.2),
        RaterKind("clicker", "clicks anything", random=1.0, attention=0.2, seconds=0.6),
        RaterKind(
            "fear-surprise",
            "takes fear for surprise and surprise for fear",
            muddle={"fear": {"surprised": 0.8}, "surprised": {"fear": 0.8}},
        ),
        RaterKind("trap-failer", "honest, but does not read instructions", attention=0.2),
        RaterKind("dropout", "honest, but leaves before the end", leaves=1.0),
        RaterKind("bad-line", "honest, on a line that stalls", stalls=0.6),
    )
}

DEFAULT_MIX: dict[str, float] = {
    "honest": 0.72, "biased": 0.08, "lazy": 0.05, "clicker": 0.05, "fear-surprise": 0.03, "trap-failer": 0.02,
    "dropout": 0.04, "bad-line": 0.01,
}  # fmt: skip


def parse_mix(text: str) -> dict[str, float]:
    """`"honest=0.9,clicker=0.1"` -> shares that sum to 1. Raises ConfigError for an unknown kind or a bad number."""
    mix: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, number = part.partition("=")
        if name not in KINDS:
            raise ConfigError(f"no rater kind {name!r}", fix=f"use one of {', '.join(KINDS)}")
        try:
            share = float(number) if number else 1.0
        except ValueError:
            share = -1.0
        if not 0 <= share < float("inf"):
            raise ConfigError(f"mix: {part!r} is no share", fix="write it as honest=0.9,clicker=0.1")
        mix[name] = mix.get(name, 0.0) + share
    total = sum(mix.values())
    if total <= 0:
        raise ConfigError("mix: all shares are 0", fix="write it as honest=0.9,clicker=0.1")
    return {name: share / total for name, share in mix.items()}


def head_count(mix: Mapping[str, float], raters: int) -> list[str]:
    """The kind of each of `raters` raters: shares rounded by largest remainder, so that 40 raters are always 40."""
    exact = {name: share * raters for name, share in mix.items()}
    counts = {name: int(value) for name, value in exact.items()}
    rest = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in rest[: raters - sum(counts.values())]:
        counts[name] += 1
    return [name for name in mix for _ in range(counts[name])]

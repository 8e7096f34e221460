"""The headline of the paper's user study: how far a method lies above the lowest-ranked one, in points and percent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from user_study.statistics.crossed import Answers, Estimate, difference, relative_gain


@dataclass(frozen=True, slots=True)
class Gain:
    """`method` over `lowest` on one question. The lowest was picked by the same answers: the gain flatters a little
    where several methods share the bottom, which `shared_bottom` names."""

    question: str
    method: str
    lowest: str
    points: Estimate
    percent: Estimate
    shared_bottom: tuple[str, ...]


def headline(question: str, groups: Mapping[str, Answers], competing: Sequence[str], focus: str = "") -> Gain | None:
    """Gain of `focus` (else of the best of `competing`) over the lowest-ranked of `competing`; None for one or none."""
    means = {name: float(groups[name].value.mean()) for name in competing if name in groups and len(groups[name])}
    if focus and focus not in means:
        return None
    method = focus or max(means, key=lambda name: (means[name], name), default="")
    others = {name: value for name, value in means.items() if name != method}
    if not others:
        return None
    lowest = min(others, key=lambda name: (others[name], name))
    bottom = tuple(
        name for name in others if name != lowest and not difference(groups[name], groups[lowest]).excludes(0.0)
    )
    a, b = groups[method], groups[lowest]
    return Gain(question, method, lowest, difference(a, b), relative_gain(a, b), bottom)

"""Agreement of valence and of arousal over time with the truth: PCC, CCC, SAGR, RMSE, per clip, then over clips.

Truth, masks and constant series as in `metrics.intensity`. PCC and CCC leave out clips whose truth hardly moves; SAGR
leaves out clips whose truth is 0 throughout (an exactly neutral clip has no sign to agree with); RMSE takes all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from metrics.features.clip import Measured
from metrics.intensity import MIN_TRUTH_STD, Course, Name, Series, ccc, course, pcc, rmse, sagr
from metrics.registry import ClipFunction, MetricSpec, NotApplicable, Remarked, metric


@dataclass(frozen=True)
class _Agreement:
    """One way of comparing two series."""

    name: str
    function: Callable[[Series, Series], float]
    higher_is_better: bool
    bounds: tuple[float, float]
    moving: bool
    """Whether a truth that hardly moves is outside the definition."""
    source: str
    words: str
    default: bool = False


_AGREEMENTS = (
    _Agreement("pcc", pcc, True, (-1.0, 1.0), True, "numpy.corrcoef", "Correlation of {} over time with the truth."),
    _Agreement(
        "ccc", ccc, True, (-1.0, 1.0), True, "Lin 1989, population moments (EmoNet metrics.py)",
        "Concordance of {} over time with the truth.", default=True,
    ),
    _Agreement(
        "sagr", sagr, True, (0.0, 1.0), False, "EmoNet metrics.py SAGR",
        "Share of frames in which {} has the sign of the truth.",
    ),
    _Agreement(
        "rmse", rmse, False, (0.0, float("inf")), False, "EmoNet metrics.py RMSE",
        "Root mean square error of {} against the truth.",
    ),
)  # fmt: skip
_SEES: dict[str, tuple[str, ...]] = {
    "pcc": ("intensity_reverse",),
    "ccc": ("intensity_flatten", "intensity_reverse"),
    "sagr": (),
    "rmse": ("intensity_weaken",),
}
_SWAP = {"valence": "valence_swap", "arousal": "emotion_swap"}
"""The exchange of emotions that changes the sign of each: fear for sadness leaves valence where it was."""


def _spec(series: Name, how: _Agreement) -> MetricSpec:
    scope = f"std>={MIN_TRUTH_STD}" if how.moving else ("truth!=0" if how.name == "sagr" else "all")
    return MetricSpec(
        name=f"{series}_{how.name}",
        title=f"{series.capitalize()} {how.name.upper()}",
        unit="fraction" if how.name == "sagr" else "",
        higher_is_better=how.higher_is_better,
        bounds=how.bounds,
        needs=("affect",),
        source=f"{how.source}, of {series} over the frames of a clip",
        parts=(("series", series), ("scope", scope), ("pool", "clip-mean")),
        truth=True,
        group="Intensity",
        help=how.words.format(series),
        default=how.default,
        sees=(*_SEES[how.name], *(() if how.moving else (_SWAP[series],))),
    )


def _function(series: Name, how: _Agreement) -> ClipFunction:
    def measure(measured: Measured) -> float | Remarked:
        pair: Course = course(measured, series, moving=how.moving)
        if how.name == "sagr" and not pair.truth.any():
            raise NotApplicable(f"true {series} is 0 throughout: it has no sign")
        value = how.function(pair.generated, pair.truth)
        return pair.correlated(value) if how.moving else pair.remarked(value)

    measure.__name__ = measure.__qualname__ = f"{series}_{how.name}"
    measure.__doc__ = f"{how.name.upper()} of generated and true {series} over one clip."
    return measure


def _declare(series: Name) -> None:
    for how in _AGREEMENTS:
        metric(_spec(series, how))(_function(series, how))


_declare("valence")
_declare("arousal")

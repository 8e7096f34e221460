"""Agreement of the intensity r = sqrt(v^2 + a^2) over time with the truth: PCC, CCC, SAGR, RMSE.

Per clip, then over clips.
Truth is the exact one where it is known, else the same evaluator's reading of the reference (pseudo labels). Clips
whose true intensity hardly moves (std < .02) have no course to follow: the definition of PCC and CCC leaves them out,
and the report says how many. A generated series that is constant follows nothing: it is scored 0, with a remark, not
dropped. Frames without a face on either side are masked, and the value says how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Array, Measured
from metrics.registry import MetricSpec, NotApplicable, Remarked, Unmeasurable, metric

MIN_TRUTH_STD = 0.02
MIN_FRAMES = 3
CONSTANT = 1e-9
Series = NDArray[np.floating]
Name = Literal["valence", "arousal", "intensity"]


def pcc(generated: Series, truth: Series) -> float:
    """Pearson correlation of two (T,) series; nan when either is constant."""
    x, y = generated.astype(np.float64), truth.astype(np.float64)
    if len(x) == 0 or np.ptp(x) <= CONSTANT or np.ptp(y) <= CONSTANT:
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    return float(np.clip((x @ y) / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def ccc(generated: Series, truth: Series) -> float:
    """Lin's concordance of two (T,) series, population moments (as EmoNet); nan when both are the same constant."""
    x, y = generated.astype(np.float64), truth.astype(np.float64)
    if len(x) == 0:
        return float("nan")
    covariance = float(((x - x.mean()) * (y - y.mean())).mean())
    spread = float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    return 2.0 * covariance / spread if spread > 0 else float("nan")


def sagr(generated: Series, truth: Series) -> float:
    """Sign agreement of two (T,) series: the share of frames of equal sign, where 0 is a sign of its own (EmoNet)."""
    if len(truth) == 0:
        return float("nan")
    return float(np.mean(np.sign(generated.astype(np.float64)) == np.sign(truth.astype(np.float64))))


def rmse(generated: Series, truth: Series) -> float:
    """Root mean square difference of two (T,) series (EmoNet)."""
    if len(truth) == 0:
        return float("nan")
    return float(np.sqrt(np.mean(np.square(generated.astype(np.float64) - truth.astype(np.float64)))))


@dataclass(frozen=True)
class Course:
    """Generated and true (T,) series of one clip without the frames where either has no value."""

    generated: Array
    truth: Array
    lost: int
    """Frames left out because no face was found."""
    name: Name = "intensity"

    def remarked(self, value: float, more: str = "") -> float | Remarked:
        """The value, with a remark where frames were lost or `more` is to be said."""
        lost = f"face lost in {self.lost} of {self.lost + len(self.truth)} frames" if self.lost else ""
        remark = "; ".join(filter(None, (more, lost)))
        return Remarked(value, remark) if remark else value

    def correlated(self, value: float) -> float | Remarked:
        """A correlation: 0 with a remark where the generated series is constant (or so nearly that it is nan)."""
        if not np.isfinite(value) or np.ptp(self.generated) <= CONSTANT:
            return self.remarked(0.0, f"generated {self.name} is constant: counted as 0")
        return self.remarked(value)


def course(measured: Measured, name: Name, *, moving: bool) -> Course:
    """Generated and true series of a clip, equally long and finite.

    Raises NotApplicable when `moving` is asked for and the truth hardly moves, Unmeasurable when lengths differ, truth
    holds a number that is not finite, or fewer than 3 frames have a face.
    """
    truth, what = measured.true_series(name)
    if what == "truth" and not np.isfinite(truth).all():
        raise Unmeasurable(f"truth: {name} holds a number that is not finite")
    generated = measured.generated.series(name)
    n = measured.paired_length(len(truth), what)
    generated, truth, lost = _masked(generated[:n], truth[:n])
    if moving:
        require_movement(truth, name)
    return Course(generated, truth, lost, name)


def _masked(generated: Array, truth: Array) -> tuple[Array, Array, int]:
    valid = np.isfinite(generated) & np.isfinite(truth)
    if valid.sum() < MIN_FRAMES:
        raise Unmeasurable(f"only {int(valid.sum())} frames have an intensity on both sides")
    return generated[valid], truth[valid], int((~valid).sum())


def moving_pair(generated: Array, truth: Array) -> tuple[Array, Array]:
    """Both (T,) series of r without the frames where either is not finite; raises as `course` does."""
    generated, truth, _ = _masked(generated, truth)
    require_movement(truth)
    return generated, truth


def require_movement(truth: Array, name: Name = "intensity") -> None:
    """Raise NotApplicable when a (T,) true series hardly moves."""
    if truth.std() < MIN_TRUTH_STD:
        raise NotApplicable(f"true {name} hardly moves (std {truth.std():.4f} < {MIN_TRUTH_STD})")


_MOVING = (("series", "r"), ("scope", f"std>={MIN_TRUTH_STD}"), ("pool", "clip-mean"))
_ALL = (("series", "r"), ("scope", "all"), ("pool", "clip-mean"))


@metric(
    MetricSpec(
        name="intensity_pcc",
        title="Intensity PCC",
        unit="",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        needs=("affect",),
        source="numpy.corrcoef of r over the frames of a clip",
        parts=_MOVING,
        truth=True,
        group="Intensity",
        help="Correlation of emotional intensity over time with the truth.",
        sees=("intensity_reverse",),
    )
)
def intensity_pcc(measured: Measured) -> float | Remarked:
    """Correlation of generated and true intensity over one clip."""
    pair = course(measured, "intensity", moving=True)
    return pair.correlated(pcc(pair.generated, pair.truth))


@metric(
    MetricSpec(
        name="intensity_ccc",
        title="Intensity CCC",
        unit="",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        needs=("affect",),
        source="Lin 1989, population moments (EmoNet metrics.py)",
        parts=_MOVING,
        truth=True,
        group="Intensity",
        help="Concordance of emotional intensity over time with the truth: course, level and size together.",
        sees=("intensity_flatten", "intensity_reverse"),
    )
)
def intensity_ccc(measured: Measured) -> float | Remarked:
    """Concordance of generated and true intensity over one clip."""
    pair = course(measured, "intensity", moving=True)
    return pair.correlated(ccc(pair.generated, pair.truth))


@metric(
    MetricSpec(
        name="intensity_rmse",
        title="Intensity RMSE",
        unit="",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        needs=("affect",),
        source="EmoNet metrics.py RMSE, of r over the frames of a clip",
        parts=_ALL,
        truth=True,
        group="Intensity",
        help="Root mean square error of emotional intensity against the truth.",
        sees=("intensity_weaken", "intensity_reverse"),
    )
)
def intensity_rmse(measured: Measured) -> float | Remarked:
    """Root mean square error of intensity over one clip."""
    pair = course(measured, "intensity", moving=False)
    return pair.remarked(rmse(pair.generated, pair.truth))


@metric(
    MetricSpec(
        name="intensity_sagr",
        title="Intensity SAGR",
        unit="fraction",
        higher_is_better=True,
        bounds=(0.0, 1.0),
        needs=("affect",),
        source="EmoNet metrics.py SAGR, of r over the frames of a clip; r >= 0, so this is 1 unless r is exactly 0",
        parts=_ALL,
        truth=True,
        group="Intensity",
        help="Sign agreement of intensity, which is never negative: 1 by definition, given for completeness.",
        default=False,
    )
)
def intensity_sagr(measured: Measured) -> float | Remarked:
    """Sign agreement of intensity over one clip."""
    pair = course(measured, "intensity", moving=False)
    return pair.remarked(sagr(pair.generated, pair.truth))

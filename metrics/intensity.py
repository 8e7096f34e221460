"""Agreement of the intensity r = sqrt(v^2 + a^2) over time with the truth: PCC and CCC, per clip, then over clips.

Clips whose true intensity hardly moves (std < .02) have no course to follow: the definition leaves them out, and the
report says how many. A generated series that is constant follows nothing: it is scored 0, with a remark, not dropped.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Array, Measured
from metrics.registry import MetricSpec, NotApplicable, Remarked, Unmeasurable, metric

MIN_TRUTH_STD = 0.02
CONSTANT = 1e-9
Series = NDArray[np.floating]


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


def intensity_pair(measured: Measured) -> tuple[Array, Array]:
    """Generated and true r, equally long and finite, of a clip whose truth moves.

    Truth is the exact one where it is known, else the same evaluator's reading of the reference. Raises NotApplicable
    when the truth hardly moves, Unmeasurable when lengths differ or fewer than 3 frames have a face.
    """
    if measured.truth_intensity is not None:
        truth, what = np.asarray(measured.truth_intensity, np.float64), "truth"
    else:
        truth, what = measured.reference_features().intensity("reference"), "reference"
    generated = measured.generated.intensity()
    n = measured.paired_length(len(truth), what)
    return moving_pair(generated[:n], truth[:n])


def moving_pair(generated: Array, truth: Array) -> tuple[Array, Array]:
    """Both (T,) series without the frames where either is not finite. Raises as `intensity_pair` does."""
    valid = np.isfinite(generated) & np.isfinite(truth)
    if valid.sum() < 3:
        raise Unmeasurable(f"only {int(valid.sum())} frames have an intensity on both sides")
    generated, truth = generated[valid], truth[valid]
    require_movement(truth)
    return generated, truth


def require_movement(truth: Array) -> None:
    """Raise NotApplicable when the (T,) true intensity hardly moves."""
    if truth.std() < MIN_TRUTH_STD:
        raise NotApplicable(f"true intensity hardly moves (std {truth.std():.4f} < {MIN_TRUTH_STD})")


_PARTS = (("series", "r"), ("scope", f"std>={MIN_TRUTH_STD}"), ("pool", "clip-mean"))


@metric(
    MetricSpec(
        name="intensity_pcc",
        title="Intensity PCC",
        unit="",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        needs=("affect",),
        source="numpy.corrcoef of r over the frames of a clip",
        parts=_PARTS,
        truth=True,
    )
)
def intensity_pcc(measured: Measured) -> float | Remarked:
    """Correlation of generated and true intensity over one clip."""
    value = pcc(*intensity_pair(measured))
    return value if np.isfinite(value) else Remarked(0.0, "generated intensity is constant: counted as 0")


@metric(
    MetricSpec(
        name="intensity_ccc",
        title="Intensity CCC",
        unit="",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        needs=("affect",),
        source="Lin 1989, population moments (EmoNet metrics.py)",
        parts=_PARTS,
        truth=True,
    )
)
def intensity_ccc(measured: Measured) -> float:
    """Concordance of generated and true intensity over one clip."""
    return ccc(*intensity_pair(measured))

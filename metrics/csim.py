"""CSIM: does the face stay the same person? Cosine of identity embeddings of result and reference.

Each clip's embedding is the mean of its frames' unit embeddings, of unit length, so that a face that wavers between
persons is nobody's in particular.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.features.clip import Measured
from metrics.registry import MetricSpec, Unmeasurable, metric


def cosine(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Cosine of two (E,) vectors; nan when either is 0 or not finite."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.clip(a @ b / size, -1.0, 1.0)) if size > 0 else float("nan")


@metric(
    MetricSpec(
        name="csim",
        title="CSIM",
        unit="",
        higher_is_better=True,
        bounds=(-1.0, 1.0),
        needs=("identity",),
        source="definition: cosine of the clips' mean identity embeddings",
        parts=(("against", "reference-clip"), ("pool", "frame-mean")),
        group="Identity",
        help="Cosine similarity of identity embeddings with the true video of the person.",
        sees=("identity_swap",),
    )
)
def csim(measured: Measured) -> float:
    """Cosine of the identity embeddings of one clip and its reference."""
    theirs = measured.reference_features().need("identity", "reference")
    value = cosine(measured.generated.need("identity"), theirs)
    if not np.isfinite(value):
        raise Unmeasurable("no frame has a face")
    return value

"""The pretrained networks behind features, and what a set of them must offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from eap.errors import ConfigError
from metrics.registry import Need

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]

BUNDLED = "bundled"
SETS = (BUNDLED,)


class EvaluatorSet(Protocol):
    """Networks that look at frames. All results depend on each frame alone (not on the batch), sync on 5 of them."""

    @property
    def name(self) -> str:
        """`bundled`, ..."""
        ...

    @property
    def provides(self) -> frozenset[Need]:
        """The needs it can serve."""
        ...

    @property
    def embedded_only(self) -> bool:
        """Whether it was trained on the embedded world and knows nothing else."""
        ...

    def label(self, need: Need) -> str:
        """What stands in a signature: set, network and the first 8 digits of its hash."""
        ...

    def weights(self) -> dict[str, str]:
        """Network -> sha256 of its weights."""
        ...

    def read(self, frames: Frames, needs: frozenset[Need]) -> Mapping[Need, Floats]:
        """Per-frame features of uint8 RGB frames (n, H, W, 3), as `ClipFeatures` defines them, for these needs.

        `identity` is (n, E) here, unit vectors; the extractor takes the mean. `sync` is not served here.
        """
        ...

    def lips(self, frames: Frames) -> Floats:
        """What `sync` needs of each frame: (n, ...), first axis frames."""
        ...

    def sync(self, lips: Floats, mel: Floats) -> tuple[Floats, Floats]:
        """Video and audio embeddings (n - 4, E) of the 5-frame windows of `lips` (n, ...) and `mel` (4n, 80)."""
        ...


def get_evaluators(name: str) -> EvaluatorSet:
    """The evaluator set of that name. Raises ConfigError for another name, WeightsError when weights are missing."""
    if name == BUNDLED:
        from metrics.evaluators.bundled import BundledEvaluators

        return BundledEvaluators()
    raise ConfigError(f"unknown evaluators {name!r}", fix=f"choose one of: {', '.join(SETS)}")

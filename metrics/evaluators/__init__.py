"""The pretrained networks behind features, and what a set of them must offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from eap.errors import ConfigError
from metrics.registry import Need

if TYPE_CHECKING:
    from metrics.evaluators.crops import Planner

Frames = NDArray[np.uint8]
Floats = NDArray[np.float32]
SyncFrames = NDArray[Any]
"""What a set keeps of each frame for sync: crops of the mouth or the face, in its own type."""

BUNDLED = "bundled"
OFFICIAL = "official"
MEDIAPIPE = "mediapipe"
SETS = (BUNDLED, OFFICIAL, MEDIAPIPE)


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

    def why_not(self, need: Need) -> str:
        """Why a need is not among `provides`, and what would help; '' for one that is."""
        ...

    def read(self, frames: Frames, needs: frozenset[Need]) -> Mapping[Need, Floats]:
        """Per-frame features of uint8 RGB frames (n, H, W, 3), as `ClipFeatures` defines them, for these needs.

        `identity` is (n, E) here, unit vectors; the extractor takes the mean. `sync` is not served here.
        """
        ...

    def planner(self) -> Planner | None:
        """What must see the whole clip before the crop for `sync` is known; None when each frame tells by itself."""
        ...

    def hear(self, audio: Floats) -> Floats:
        """(4n, R) rows of the n whole frames (640 samples each) of 16 kHz sound (samples,), for `sync`."""
        ...

    def lips(self, frames: Frames) -> SyncFrames:
        """What `sync` needs of each frame (or of each crop that the planner's plan made): (n, ...)."""
        ...

    def sync(self, lips: SyncFrames, rows: Floats) -> tuple[Floats, Floats]:
        """Video and audio embeddings (n - 4, E) of the 5-frame windows of `lips` (n, ...) and `rows` (4n, R)."""
        ...


def get_evaluators(name: str, sync_crop: str | None = None, *, eat: bool = False) -> EvaluatorSet:
    """The evaluator set of that name. Raises ConfigError for another name, WeightsError when weights are missing.

    `sync_crop` is one of `metrics.evaluators.crops.SYNC_CROPS`; the bundled set has its own and takes none. `eat` asks
    for the networks and crops of protocol eat-2023.
    """
    if name == BUNDLED:
        from metrics.evaluators.bundled import BundledEvaluators

        if sync_crop is not None:
            fix = "leave it out, or choose --evaluators official"
            raise ConfigError(f"crop {sync_crop!r}: the bundled evaluators have one of their own", fix=fix)
        return BundledEvaluators()
    if name not in SETS:
        raise ConfigError(f"unknown evaluators {name!r}", fix=f"choose one of: {', '.join(SETS)}")
    from metrics.evaluators.crops import FAN_224, LRS_FRAME, SYNC_CROPS
    from metrics.evaluators.official import OfficialEvaluators

    if sync_crop is not None and sync_crop not in SYNC_CROPS:
        raise ConfigError(f"unknown crop {sync_crop!r}", fix=f"choose one of: {', '.join(SYNC_CROPS)}")
    return OfficialEvaluators(
        "mediapipe" if name == MEDIAPIPE else "s3fd",
        sync_crop or (FAN_224 if eat else LRS_FRAME),
        inception="inception-torchvision" if eat else "inception",
    )

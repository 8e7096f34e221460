"""Image quality by pyiqa (extra `iqa`; PolyForm Noncommercial, so never in the core): `lpips`, `niqe`, `pyiqa:<name>`.

Each frame by itself, float32 RGB in [0, 1], the package's defaults; the mean over a clip's frames. Metrics with a
reference are of paired frames, the others of the generated frames alone. What a metric's network needs is downloaded
by pyiqa itself on first use (`HF_HUB_OFFLINE=1` and a filled `TORCH_HOME` serve machines without internet).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from eap.errors import ConfigError, MeasureError
from metrics.features.clip import Array, Measured
from metrics.registry import ClipFunction, Metric, MetricSpec, metric

PREFIX: Final = "pyiqa:"
VERSION: Final = "0.1.16"
_FIX: Final = "install it with: pip install 'eap-bench[iqa]' (non-commercial licence)"
Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Quality:
    """One of pyiqa's metrics, ready to look at frames."""

    name: str
    network: Any

    @property
    def with_reference(self) -> bool:
        """Whether it compares with a reference frame."""
        return str(self.network.metric_mode).upper() == "FR"

    @property
    def lower_is_better(self) -> bool:
        """pyiqa's own word on the direction."""
        return bool(self.network.lower_better)

    def value(self, generated: Frame, reference: Frame | None = None) -> float:
        """The number of one RGB frame (H, W, 3) uint8, against its reference where there is one."""
        import torch

        images = [item for item in (generated, reference if self.with_reference else None) if item is not None]
        tensors = [
            torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255 for image in images
        ]
        with torch.inference_mode():
            found: torch.Tensor = self.network(*tensors)
        return float(found.reshape(-1)[0])


def installed() -> bool:
    """Whether pyiqa is there (without importing it)."""
    return find_spec("pyiqa") is not None


@lru_cache(maxsize=8)
def load_quality(name: str) -> Quality:
    """One of pyiqa's metrics by its name there.

    Raises ConfigError without pyiqa or such a metric, MeasureError when its weights cannot be had.
    """
    if not installed():
        raise ConfigError(f"{name}: needs the package pyiqa", fix=_FIX)
    import pyiqa

    known = pyiqa.list_models()
    if name not in known:
        raise ConfigError(f"pyiqa has no metric {name!r}", fix=f"choose from: {', '.join(sorted(known))}")
    try:
        return Quality(name, pyiqa.create_metric(name, device="cpu"))
    except Exception as error:  # downloads, hubs and optional packages fail in as many ways as there are metrics
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise MeasureError(
            f"pyiqa's {name} cannot be made: {why[:200]}", fix="see that its weights can be had"
        ) from error


def pyiqa_name(metric_name: str) -> str:
    """`lpips` -> `lpips`, `pyiqa:gmsd` -> `gmsd`."""
    return metric_name.removeprefix(PREFIX)


def _mean(name: str) -> ClipFunction:
    def over_frames(measured: Measured) -> float:
        """Mean over the frames of one clip."""
        series: Array = measured.quality_series(name)
        return float(np.mean(series))

    return over_frames


def _spec(name: str, title: str, *, higher: bool | None, reference: bool, help_text: str) -> MetricSpec:
    return MetricSpec(
        name=name,
        title=title,
        unit="",
        higher_is_better=higher,
        bounds=(float("-inf"), float("inf")),
        needs=("quality",),
        source=f"pyiqa {VERSION}, {pyiqa_name(name)} with its defaults",
        parts=(("by", f"pyiqa-{VERSION}"), ("pool", "clip-mean")),
        reference=reference,
        group="Image",
        help=help_text,
        default=False,
    )


metric(_spec("lpips", "LPIPS", higher=False, reference=True, help_text="Perceptual distance to the true frames."))(
    _mean("lpips")
)
metric(_spec("niqe", "NIQE", higher=False, reference=False, help_text="How unnatural the frames look by themselves."))(
    _mean("niqe")
)


@lru_cache(maxsize=64)
def dynamic(name: str) -> Metric:
    """The metric `pyiqa:<name>`, with the direction pyiqa states. Raises as `load_quality`."""
    found = load_quality(pyiqa_name(name))
    text = f"pyiqa's {found.name}."
    spec = _spec(name, found.name, higher=not found.lower_is_better, reference=found.with_reference, help_text=text)
    return Metric(spec, clip=_mean(name))

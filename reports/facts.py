"""What the page says about a metric: title, group, direction, decimals, one plain sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import pandas as pd

GROUPS: Final = ("Image", "Identity", "Lips and face", "Emotion", "Intensity", "Other")


@dataclass(frozen=True)
class MetricFacts:
    """How one metric is shown. `target` is the ideal of a metric that is neither better high nor better low."""

    name: str
    title: str
    group: str
    unit: str
    higher_is_better: bool | None
    target: float | None
    pooling: Literal["mean", "median"]
    help: str

    @property
    def arrow(self) -> str:
        """Direction of better as a sign: up, down, towards a value, or nothing."""
        if self.target is not None:
            return f"→ {self.target:g}"
        return {True: "↑", False: "↓"}.get(self.higher_is_better, "") if self.higher_is_better is not None else ""

    @property
    def ranked(self) -> bool:
        """Whether the metric says which of two values is better."""
        return self.target is not None or self.higher_is_better is not None

    def loss(self, value: float) -> float:
        """Smaller is better, whatever the direction (nan stays nan)."""
        if self.target is not None:
            return abs(value - self.target)
        return -value if self.higher_is_better else value

    def gain(self, a: float, b: float) -> float:
        """How much better `a` is than `b` in the metric's own unit (positive: better)."""
        return self.loss(b) - self.loss(a)


# name: (title, group, help)
_KNOWN: Final[dict[str, tuple[str, str, str]]] = {
    "psnr": ("PSNR", "Image", "Peak signal-to-noise ratio against the true video, frame by frame."),
    "ssim": ("SSIM", "Image", "Structural similarity with the true video, frame by frame."),
    "lpips": ("LPIPS", "Image", "Learned perceptual distance to the true video."),
    "fid": ("FID", "Image", "Distance between the distributions of generated and true frames."),
    "csim": ("CSIM", "Identity", "Cosine similarity of identity embeddings with the reference image."),
    "m_lmd": ("M-LMD", "Lips and face", "Mean distance of mouth landmarks to the true video."),
    "f_lmd": ("F-LMD", "Lips and face", "Mean distance of face landmarks to the true video."),
    "lse_c": ("LSE-C", "Lips and face", "Confidence of the sync judge that lips and voice belong together."),
    "lse_d": ("LSE-D", "Lips and face", "Distance between lip and voice embeddings at the best offset."),
    "av_offset": ("AV offset", "Lips and face", "Offset between picture and voice, in frames."),
    "emotion_accuracy": ("Acc. emotion", "Emotion", "Share of clips judged to show the emotion of the voice."),
    "reference_leakage": (
        "Leakage", "Emotion",
        "How much more often the reference image's emotion is seen than with a neutral reference."
    ),
    "valence_pcc": ("Valence PCC", "Intensity", "Correlation of valence over time with the truth."),
    "arousal_pcc": ("Arousal PCC", "Intensity", "Correlation of arousal over time with the truth."),
    "intensity_pcc": ("Intensity PCC", "Intensity", "Correlation of emotional intensity over time with the truth."),
    "intensity_ccc": ("Intensity CCC", "Intensity", "Concordance of emotional intensity over time with the truth."),
    "intensity_range": ("Range", "Intensity", "Range of intensity over time as a share of the true range: 1 is right."),
    "saturation_index": (
        "Saturation", "Intensity",
        "Movement of intensity over time as a share of the true movement: 1 is right, near 0 is a frozen expression.",
    ),
}  # fmt: skip


def collect(values: pd.DataFrame, named: Sequence[str]) -> dict[str, MetricFacts]:
    """Facts of every metric the run names or measured, in the page's order (group, then as known, then the run's)."""
    measured = [str(m) for m in values["metric"]]
    facts = {name: _facts(name, values) for name in dict.fromkeys([*named, *measured])}
    known = list(_KNOWN)

    def place(name: str) -> tuple[int, int]:
        return GROUPS.index(facts[name].group), known.index(name) if name in known else len(known)

    return {name: facts[name] for name in sorted(facts, key=place)}


def _facts(name: str, values: pd.DataFrame) -> MetricFacts:
    title, group, help_text = _KNOWN.get(name, (name, "Other", ""))
    rows = values[values["metric"] == name]
    units = [str(u) for u in rows["unit"].dropna()]
    directions = [bool(d) for d in rows["higher_is_better"].dropna()]
    targets = [float(t) for t in rows["target"].dropna()]
    target = targets[0] if targets else None
    return MetricFacts(
        name=name,
        title=title,
        group=group,
        unit=units[0] if units else "",
        higher_is_better=directions[0] if directions and target is None else None,
        target=target,
        pooling="median" if rows["signature"].astype(str).str.contains("pool:clip-median").any() else "mean",
        help=help_text,
    )


def decimals(values: list[float]) -> int:
    """Digits after the point that suit a column: three below 10, two below 100, one above."""
    top = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if top >= 100:
        return 1
    return 2 if top >= 10 else 3


def number(value: float | None, digits: int = 3, *, signed: bool = False) -> str:
    """A number as the page prints it: typographic minus, a dash for nothing."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", "−")

"""The README's table of the bundled model, from the checked-in baseline of the suite `mead`."""

from __future__ import annotations

import math

from benchmarks.baselines import read_baseline
from benchmarks.fingerprint import ROOT
from benchmarks.regression.snapshot import Series

METHODS = ("ground-truth", "eap", "no-intensity", "no-neutralization", "neutralize-first", "still-image")
LINES = (
    ("emotion_accuracy", "neutral", "emotion accuracy, neutral reference (chance .125)"),
    ("intensity_pcc", "neutral", "intensity PCC, neutral reference"),
    ("saturation_index", "neutral", "saturation index (1 = right), neutral reference"),
    ("lse_c", "neutral", "LSE-C, neutral reference"),
    ("reference_leakage", "emotional", "reference leakage, emotional reference"),
    ("emotion_accuracy", "emotional", "emotion accuracy, emotional reference"),
)


def bundle_table() -> str:
    """Rows of metrics, columns of methods; EAP's with its interval. A dash where a metric does not apply."""
    snapshot = read_baseline(ROOT / "baselines" / "mead.json")
    found = snapshot.series
    floor = found["lse_c", "mismatched-audio", "neutral"].value
    lines = ["", f"| | {' | '.join(METHODS)} |", "|---" * (len(METHODS) + 1) + "|"]
    for metric, track, title in LINES:
        extra = f" (mismatched audio: {_short(floor)})" if metric == "lse_c" else ""
        cells = [_cell(found.get((metric, method, track)), full=method == "eap") for method in METHODS]
        lines.append(f"| {title}{extra} | {' | '.join(cells)} |")
    made = (
        f"`{snapshot.command}` at {snapshot.commit[:12]}, {len(snapshot.clips)} clips, 95 % intervals over identities"
    )
    return "\n".join([*lines, "", f"({made}; `baselines/mead.json`)", ""])


def _cell(series: Series | None, *, full: bool) -> str:
    if series is None or not math.isfinite(series.value):
        return "-"
    if not full:
        return _short(series.value)
    return f"**{_short(series.value)}** [{_short(series.ci_low)}, {_short(series.ci_high)}]"


def _short(value: float) -> str:
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text

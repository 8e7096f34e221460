"""The table of metrics in docs/metrics.md, written from the registry by `python -m metrics.describe`."""

from __future__ import annotations

import math
from pathlib import Path

from metrics.registry import MetricSpec, all_metrics

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"
BEGIN = "<!-- table of metrics: written by python -m metrics.describe -->"
END = "<!-- end of the table -->"


def best(spec: MetricSpec) -> str:
    """Direction of better in a word: `high`, `low`, or the target."""
    if spec.higher_is_better is None:
        return f"{spec.target:g}"
    return "high" if spec.higher_is_better else "low"


def bounds(spec: MetricSpec) -> str:
    """`0 to 1`, `0 and up` where nothing bounds it above, or `any`."""
    low, high = spec.bounds
    if math.isinf(low):
        return "any"
    return f"{low:g} and up" if math.isinf(high) else f"{low:g} to {high:g}"


def table() -> str:
    """Every metric as Markdown, one table for each group."""
    lines: list[str] = []
    groups = list(dict.fromkeys(item.spec.group for item in all_metrics()))
    for group in sorted(groups):
        lines += [
            f"### {group}", "",
            "| name | title | unit | best | bounds | needs | equals | must see | by default |",
            "|---|---|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        lines += [_row(item.spec) for item in all_metrics() if item.spec.group == group]
        lines.append("")
    return "\n".join(lines)


def _row(spec: MetricSpec) -> str:
    cells = (
        f"`{spec.name}`", spec.title, spec.unit or "-", best(spec), bounds(spec), ", ".join(spec.needs), spec.source,
        ", ".join(spec.sees) or "-", "yes" if spec.default else "no",
    )  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def document(text: str) -> str:
    """The document with its table brought up to date. Raises ValueError when the markers are not there."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"the document needs the lines {BEGIN!r} and {END!r}, once each")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    from eap.files import atomic_write

    updated = document(DOCUMENT.read_text(encoding="utf-8"))
    with atomic_write(DOCUMENT, "w") as stream:
        stream.write(updated)
    print(DOCUMENT)

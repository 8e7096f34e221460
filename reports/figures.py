"""Figures as files for a paper: SVG and PDF with real colours, PNG at print resolution, the numbers behind as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eap.errors import ConfigError
from eap.files import atomic_path, atomic_write
from reports.plot_style import Plot, paper_colours, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 300
ENDINGS = (".svg", ".png", ".pdf", ".csv")
_VARIABLE = re.compile(r"var\(--[a-z0-9]+, (#[0-9a-f]+)\)")


def save_plot(plot: Plot, path: Path) -> Path:
    """Write a plot; the ending says how: .svg, .png (300 dpi), .pdf or .csv. Raises ConfigError for another ending."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ConfigError(f"{path}: a figure is written as {', '.join(ENDINGS)}", fix="choose one of these endings")
    if ending in (".svg", ".csv"):
        with atomic_write(path, "w") as stream:
            stream.write(plot.csv if ending == ".csv" else standalone(plot))
        return path
    if plot.figure is None:
        raise ConfigError(f"{path}: this plot was kept as SVG only", fix="write it as .svg")
    with style(plot.key), atomic_path(path) as temporary:
        write_figure(plot.figure, Path(temporary), ending[1:])
    return path


def write_figure(figure: Figure, path: Path, kind: str) -> None:
    """A matplotlib figure of ours as a file, on white, without a date so that the same run gives the same bytes."""
    paper_colours(figure)
    metadata: dict[str, Any] = {"Software": None} if kind == "png" else {"CreationDate": None}
    figure.savefig(path, format=kind, dpi=DPI, facecolor="white", metadata=metadata)


def standalone(plot: Plot) -> str:
    """The plot's SVG for use outside the page: light colours instead of the page's variables, and a size."""
    match = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', plot.svg)
    size = f' width="{match[1]}pt" height="{match[2]}pt"' if match else ""
    svg = _VARIABLE.sub(r"\1", plot.svg)
    return svg.replace("<svg ", f"<svg{size} ", 1) + "\n"


def table_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV text; floats at six significant digits, texts that a spreadsheet would run are quoted away."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return out.getvalue()


def _plain(value: object) -> object:
    if isinstance(value, float):
        return "" if value != value else f"{value:.6g}"
    text = str(value)
    return "'" + text if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else value

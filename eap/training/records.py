"""What a training leaves behind while it runs: log.jsonl, curves.svg, samples.png. Numpy alone.

The log is a journal: one line of means every few steps. After a kill it is cut back to the checkpoint that is resumed,
so that it reads as if nothing had happened. The curves are drawn from it, hence also for a run that is over:
``python -m eap.training.records RUN/log.jsonl``.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from eap.errors import DataError
from eap.files import atomic_write

Row = dict[str, Any]

LOG = "log.jsonl"
CURVES = "curves.svg"
_NO_TERMS = frozenset({"step", "seconds"})
_WIDE, _HIGH, _COLUMNS = 300, 170, 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 12, 30, 26
_HEAD = 50
_NAMES = {
    "total": "total (weighted sum)",
    "pixel": "L_per, tap 0: pixels",
    "per": "L_per",
    "lip": "L_lip",
    "adv": "L_adv (talker)",
    "metric": "L_metric",
    "cls": "L_cls",
    "e_adv": "L_e-adv (talker)",
    "inten": "L_inten",
    "aux_lip": "L_aux-lip",
    "aux_face": "L_aux-face",
    "aux_shape": "L_aux-shape",
    "aux_va": "L_aux-va",
    "aux_look": "L_aux-look",
    "d": "adversary (D and D_E)",
}


def append_row(folder: Path, row: Mapping[str, float | int]) -> None:
    """Add one line to the log."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(dict(row)) + "\n")


def read_rows(path: Path) -> list[Row]:
    """The rows of a log; none where there is no file. A last line that a kill cut off is left out.

    Raises DataError naming the line when another one is damaged.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    rows: list[Row] = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            rows.append({str(name): value for name, value in row.items()} | {"step": int(row["step"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == len(lines):
                break
            raise DataError(f"{path}: line {number} is damaged", fix="delete the file; the training goes on") from error
    return rows


def cut_back(folder: Path, step: int) -> None:
    """Forget the rows after ``step``: their steps are done again."""
    rows = read_rows(folder / LOG)
    kept = [row for row in rows if row["step"] <= step]
    if rows or (folder / LOG).exists():
        with atomic_write(folder / LOG, "w") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in kept)


def write_curves(folder: Path, title: str, marks: Mapping[str, int] | None = None) -> Path | None:
    """Draw ``curves.svg`` from the folder's log, whole or not at all; None while the log has fewer than two rows."""
    rows = read_rows(folder / LOG)
    if len(rows) < 2:
        return None
    with atomic_write(folder / CURVES, "w") as stream:
        stream.write(curves_svg(rows, title, marks or {}))
    return folder / CURVES


def curves_svg(rows: Sequence[Row], title: str, marks: Mapping[str, int]) -> str:
    """One small plot per logged term, in the order in which they appear; ``marks``: steps to draw a line at.

    Terms that stay above 0 and span more than a decade are drawn on a logarithmic scale, and say so.
    """
    names = list(dict.fromkeys(name for row in rows for name in row if name not in _NO_TERMS))
    names.sort(key=lambda name: name != "total")
    down = -(-len(names) // _COLUMNS)
    width, height = _COLUMNS * _WIDE, _HEAD + down * _HIGH
    last = int(rows[-1]["step"])
    seen = {what: step for what, step in marks.items() if 0 < step < last}
    told = "dashed: " + ", ".join(f"{what} (step {step})" for what, step in seen.items()) if seen else ""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11" fill="#222">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
        f'<text x="12" y="40" fill="#b34700">{escape(told)}</text>',
    ]
    for i, name in enumerate(names):
        x, y = (i % _COLUMNS) * _WIDE, _HEAD + (i // _COLUMNS) * _HIGH
        points = [(int(r["step"]), float(r[name])) for r in rows if name in r and math.isfinite(r[name])]
        parts.append(f'<g transform="translate({x} {y})">{_panel(name, points, last, seen)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(name: str, points: list[tuple[int, float]], last: int, marks: Mapping[str, int]) -> str:
    """One term over the steps."""
    if not points:
        return ""
    values = [v for _, v in points]
    log = min(values) > 0 and max(values) > 10 * min(values)
    low, high = (math.log10(v) if log else v for v in (min(values), max(values)))
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    wide, tall = _WIDE - _LEFT - _RIGHT, _HIGH - _TOP - _BOTTOM

    def across(step: float) -> float:
        return _LEFT + wide * step / max(1, last)

    def up(value: float) -> float:
        return _TOP + tall * (1 - ((math.log10(value) if log else value) - low) / (high - low))

    label = _NAMES.get(name, name) + (", log scale" if log else "")
    out = [f'<text x="{_LEFT}" y="{_TOP - 8}" font-size="12">{escape(label)}</text>']
    out.append(f'<rect x="{_LEFT}" y="{_TOP}" width="{wide}" height="{tall}" fill="none" stroke="#bbb"/>')
    for share in (0.0, 0.5, 1.0):
        level = low + share * (high - low)
        value = 10**level if log else level
        y = _TOP + tall * (1 - share)
        out.append(f'<path d="M{_LEFT} {y:.1f}h{wide}" stroke="#eee"/>')
        out.append(f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end" fill="#666">{value:.3g}</text>')
    for step in (0, last // 2, last):
        anchor = "end" if step == last else "middle" if step else "start"
        out.append(
            f'<text x="{across(step):.1f}" y="{_TOP + tall + 15}" text-anchor="{anchor}" fill="#666">{step}</text>'
        )
    for what, step in marks.items():
        out.append(f'<path d="M{across(step):.1f} {_TOP}v{tall}" stroke="#d55e00" stroke-dasharray="3 3">')
        out.append(f"<title>{escape(what)}</title></path>")
    line = " ".join(f"{across(step):.1f},{up(value):.1f}" for step, value in points)
    out.append(f'<polyline points="{line}" fill="none" stroke="#0072b2" stroke-width="1.5" stroke-linejoin="round"/>')
    end_step, end_value = points[-1]
    out.append(f'<circle cx="{across(end_step):.1f}" cy="{up(end_value):.1f}" r="2.5" fill="#0072b2"/>')
    return "".join(out)


if __name__ == "__main__":
    given = Path(sys.argv[1])
    print(write_curves(given if given.is_dir() else given.parent, given.absolute().parent.name))

"""Put figures into documents from where they come from, and check that they still are what the document says.

A document holds marks, which a reader of the rendered page does not see::

    <!--= world_judges accuracy/all_frames/share 3 -->.812<!--/=-->      a figure of docs/evidence/world_judges.json
    <!--= code units -->                                                 a table of what the code itself says
    ...
    <!--/=-->

``python -m benchmarks.evidence.quote`` fills README.md and all documents in docs/ anew; the tests fail where one is
stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.evidence.bundle_table import bundle_table
from benchmarks.evidence.common import FOLDER, read
from benchmarks.evidence.world_tables import TABLES as WORLD_TABLES
from benchmarks.fingerprint import ROOT
from eap.errors import ConfigError, EapError, MeasureError
from eap.files import atomic_write

_MARK = re.compile(r"<!--= (\S+) (\S+)(?: (\S+))? -->(.*?)<!--/=-->", re.DOTALL)

Format = Callable[[Any], str]

TABLES: dict[str, Callable[[], str]] = {**WORLD_TABLES, "bundle-results": bundle_table}
"""What a mark of the source ``code`` can ask for."""


def number(value: float, digits: int) -> str:
    """``.812``: without the zero before the point."""
    text = f"{value:.{digits}f}"
    return re.sub(r"^(-?)0\.", r"\1.", text)


def interval(value: dict[str, Any]) -> str:
    """``.812 [.790, .833]`` of a dictionary that holds one figure with ``ci95``."""
    low, high = value["ci95"]
    centre = next(value[key] for key in ("share", "mean", "value") if key in value)
    return f"{number(centre, 3)} [{number(low, 3)}, {number(high, 3)}]"


def confusion(counts: list[list[int]]) -> str:
    """Counts (8, 8) as a table of row percentages; rows are the truth."""
    from eap.constants import EMOTIONS

    lines = ["", f"| true \\ seen | {' | '.join(EMOTIONS)} | n |", "|---" * (len(EMOTIONS) + 2) + "|"]
    for name, row in zip(EMOTIONS, counts, strict=True):
        n = sum(row)
        if n:
            cells = (
                f"**{100 * c / n:.0f}**" if EMOTIONS[i] == name else f"{100 * c / n:.0f}" for i, c in enumerate(row)
            )
            lines.append(f"| {name} | {' | '.join(cells)} | {n} |")
    return "\n".join([*lines, ""])


def grid(value: dict[str, dict[str, Any]], digits: int | None = 2) -> str:
    """A table of numbers or texts: outer keys are rows, inner keys columns; a gap where there is none.

    Without ``digits``, numbers are written as powers of ten: 1.3e-07.
    """
    columns = list(dict.fromkeys(name for row in value.values() for name in row))
    lines = ["", f"| | {' | '.join(name.replace('_', ' ') for name in columns)} |", "|---" * (len(columns) + 1) + "|"]
    for name, row in value.items():
        cells = (_cell(row.get(column, ""), digits) for column in columns)
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(value: Any, digits: int | None) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    if digits is None:
        return f"{value:.1e}" if value else "0"
    return number(value, digits)


_FORMATS: dict[str, Format] = {
    "text": str,
    "yes": lambda value: "yes" if value else "no",
    "ci": interval,
    "percent": lambda value: f"{100 * value:.1f} %",
    "confusion": confusion,
    "grid": grid,
    "grid3": lambda value: grid(value, 3),
    "gridtiny": lambda value: grid(value, None),
    "commit": lambda value: str(value)[:12],
    **{str(digits): partial(number, digits=digits) for digits in range(5)},
}


def look_up(document: dict[str, Any], path: str) -> Any:
    """The value at ``a/b/c`` below ``figures`` (``%20``: a space), or at ``@commit`` and the like of the record itself.

    Raises ConfigError naming the path when it is not there.
    """
    value: Any = document if path.startswith("@") else document["figures"]
    for step in path.lstrip("@").replace("%20", " ").split("/"):
        if isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            raise ConfigError(
                f"{document.get('name')}: no figure {path!r} ({step!r} is missing)", fix="mend the document"
            )
    return value


def said(source: str, path: str, form: str | None, folder: Path = FOLDER) -> str:
    """What a mark must hold. Raises ConfigError or MeasureError for a mark of something that is not there.

    A form that ends in ``?`` says "not run" where a figure is missing: of scripts that need what not every machine has.
    """
    if source == "code":
        if path not in TABLES:
            raise ConfigError(f"no table {path!r}; there are {', '.join(TABLES)}", fix="mend the document")
        return TABLES[path]()
    name = (form or "").removesuffix("?")
    if name not in _FORMATS:
        raise ConfigError(f"{source} {path}: unknown form {form!r}", fix=f"one of {', '.join(_FORMATS)}")
    try:
        value = look_up(read(source, folder), path)
    except (ConfigError, MeasureError):
        if name == form:
            raise
        return "not run"
    return _FORMATS[name](value)


def marks(text: str) -> list[tuple[str, str, str | None]]:
    """All marks of a document: source, path, form."""
    return [(found[1], found[2], found[3]) for found in _MARK.finditer(text)]


def filled(text: str, folder: Path = FOLDER) -> str:
    """The document with every mark's content made anew."""

    def replace(found: re.Match[str]) -> str:
        opening = found[0][: found.start(4) - found.start(0)]
        return f"{opening}{said(found[1], found[2], found[3], folder)}<!--/=-->"

    return _MARK.sub(replace, text)


def documents() -> list[Path]:
    """Every file that may hold marks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def main() -> None:
    """Fill every document that has marks."""
    try:
        for path in documents():
            before = path.read_text(encoding="utf-8")
            after = filled(before)
            if after != before:
                with atomic_write(path, "w") as stream:
                    stream.write(after)
                print(path)
    except EapError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

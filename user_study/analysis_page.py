"""`study analyze`: tables (CSV, LaTeX, Markdown), plots (SVG, PNG, CSV), cleaning report and a page, from an export."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from eap.errors import DataError
from eap.files import atomic_write
from metrics.rundir import RunFiles
from reports.exports import to_csv, to_latex, to_markdown
from reports.page import HERE as REPORTS
from reports.page import ShownTable
from reports.study import FOLDER, write_study
from user_study.analysis import Result, analyse
from user_study.analysis_plots import Drawing, drawings
from user_study.analysis_tables import all_tables, checks, headlines, study_result
from user_study.records import Tables
from user_study.screening import report_lines

HERE = Path(__file__).parent
MOST_RATERS = 300


@dataclass(frozen=True)
class Written:
    """What `write` made."""

    page: Path
    files: tuple[Path, ...]
    result: Result
    run_file: Path | None


def write(
    tables: Tables, out: Path, run: Path | None = None, progress: Callable[[str], None] = lambda _: None
) -> Written:
    """Analyse a study and write everything into `out`; with `run`, also where that run's report looks for a study.

    Raises MeasureError (nothing to analyse), DataError (no run there, folder cannot be written).
    """
    titles = {m.name: m.title for m in RunFiles(run).read_info().methods} if run else {}
    progress("statistics")
    result = analyse(tables, titles)
    shown = [ShownTable(t, f"table-{i}") for i, t in enumerate(all_tables(result), start=1)]
    progress("plots")
    drawn = drawings(result)
    progress("page")
    try:
        files = [*_tables(shown, out / "tables"), *_plots(drawn, out / "plots")]
        files += [_text(out / "cleaning.md", "\n".join(report_lines(result.cleaning)))]
        files += [_text(out / "cleaning.csv", result.cleaning.frame().to_csv(index=False, lineterminator="\n"))]
        files += [_text(out / "summary.txt", "\n".join([*headlines(result), ""]))]
        page = _text(out / "index.html", _page(result, shown, drawn))
        stored = study_result(result, tables.design_text)
        files += [write_study(out, stored)]
        run_file = write_study(run / FOLDER, stored) if run and (run / FOLDER).resolve() != out.resolve() else None
    except OSError as error:
        raise DataError(
            f"{out}: cannot be written ({error.strerror or error})", fix="give a folder that can be written"
        ) from error
    return Written(page, tuple(files), result, run_file)


def _text(path: Path, text: str) -> Path:
    with atomic_write(path, "w") as stream:
        stream.write(text)
    return path


def _tables(shown: list[ShownTable], folder: Path) -> list[Path]:
    made = []
    for s in shown:
        name = _file_name(s.table.key)
        for ending, convert in (("csv", to_csv), ("tex", to_latex), ("md", to_markdown)):
            made.append(_text(folder / f"{name}.{ending}", convert(s.table)))
    return made


def _plots(drawn: tuple[Drawing, ...], folder: Path) -> list[Path]:
    made = []
    for d in drawn:
        stem = folder / _file_name(d.plot.key)
        svg = d.plot.svg.replace("<svg ", f'<svg width="{d.plot.width}" ', 1)
        made += [_text(stem.with_name(f"{stem.name}.svg"), svg), _text(stem.with_name(f"{stem.name}.csv"), d.csv)]
        with atomic_write(stem.with_name(f"{stem.name}.png")) as stream:
            stream.write(d.png)
        made.append(stem.with_name(f"{stem.name}.png"))
    return made


def _file_name(key: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in key).strip("-")


def _page(result: Result, shown: list[ShownTable], drawn: tuple[Drawing, ...]) -> str:
    exports = {
        s.dom_id: {"csv": to_csv(s.table), "latex": to_latex(s.table), "markdown": to_markdown(s.table)} for s in shown
    }
    first = len({t for o in result.outcomes for t in [o.track]} or result.tracks)
    context: dict[str, Any] = {
        "result": result,
        "headlines": headlines(result),
        "checks": checks(result),
        "main_tables": shown[:first],
        "other_tables": shown[first:],
        "plots": [d.plot for d in drawn],
        "groups": [(o, [[result.title(m) for m in g] for g in o.groups]) for o in result.outcomes],
        "raters": result.cleaning.raters[:MOST_RATERS],
        "hidden_raters": max(0, len(result.cleaning.raters) - MOST_RATERS),
        "exports_json": _inline_json(exports),
        "css": _static("page.css"),
        "page_js": _static("page.js"),
    }
    environment = Environment(
        loader=ChoiceLoader([FileSystemLoader(HERE / "templates"), FileSystemLoader(REPORTS / "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("analysis.html").render(context)


def _static(name: str) -> Markup:
    return Markup((REPORTS / "static" / name).read_text("utf-8"))


def _inline_json(value: object) -> Markup:
    """JSON that cannot leave its script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)

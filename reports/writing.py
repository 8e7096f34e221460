"""`reports.build`: run directories in, one page out; in one file, or with the media beside it; for print as PDF."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eap.errors import ConfigError, DataError, MeasureError
from eap.files import atomic_write
from reports.compare import ManyLinks, compare, labels, merge
from reports.content import Report
from reports.exports import to_csv, to_latex, to_markdown
from reports.figures import save_plot
from reports.links import Links
from reports.page import Options, Progress, render
from reports.single import DEFAULT_CAP_MB, embed
from reports.source import load

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PRINT_SECONDS = 300


@dataclass(frozen=True)
class Wanted:
    """What to make beside the usual page."""

    compare: tuple[Path, ...] = ()
    """Earlier run directories: then the page is of all of them, and tells what changed since the first."""
    single_file: bool = False
    cap_mb: int = DEFAULT_CAP_MB
    """The most that a single file may weigh, in megabytes."""
    pdf: bool = False
    files: bool = False
    """Write every table (CSV, LaTeX, Markdown) and figure (SVG, PNG, PDF, CSV) as files, too."""
    templates: Path | None = None
    validity: Path | None = None
    """Folder of a validation of the metrics, for its heat map; else the run's folder `validity`, if there is one."""


def build(
    run_dir: Path | str,
    out: Path | str | None = None,
    wanted: Wanted | None = None,
    *,
    progress: Progress | None = None,
) -> Path:
    """Write the report of a run and return the path of its `index.html`.

    `out` is a folder (default `<run>/report`, of a comparison `<run>/report/compared`) or a file ending in `.html`. The
    page opens from disk; it links to the run's `media/` by relative paths, so page and run directory move together.
    `progress` is called with the name of each stage. A run that was cut short, or in which everything failed, still
    gives a page that says so. Raises DataError when a directory holds no readable `run.json`, the page cannot be
    written, or a single file would be too large; ConfigError for a folder of templates that is none; MeasureError when
    a PDF is wanted and there is no browser to print it.
    """
    wanted = wanted or Wanted()
    root = Path(run_dir)
    page = _target(root, out, wanted)
    if wanted.templates is not None and not wanted.templates.is_dir():
        raise ConfigError(f"{wanted.templates}: no such folder of templates", fix="give a folder, or leave it out")
    browser = _browser() if wanted.pdf else ""
    runs = [load(folder) for folder in (*wanted.compare, root)]  # the first is what changes are told from
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        if len(runs) > 1:
            merged = merge(runs)
            report = Report(merged, ManyLinks([r.root for r in runs], page.parent), wanted.validity)
            heading = f"Comparison of {', '.join(labels(runs))}"
            options = Options(heading, wanted.templates, compare(runs, merged))
        else:
            report = Report(runs[0], Links(root, page.parent), wanted.validity)
            options = Options("", wanted.templates)
        html = render(report, page.parent, options, progress)
        if wanted.single_file:
            html = embed(html, page.parent, [r.root for r in runs], wanted.cap_mb)
        with atomic_write(page, "w") as stream:
            stream.write(html)
        if wanted.files:
            write_files(report, page.parent)
    except OSError as error:
        fix = "give a folder that can be written, with space on its disk"
        raise DataError(f"{page}: cannot write the report ({error.strerror or error})", fix=fix) from error
    if wanted.pdf:
        to_pdf(page, page.with_suffix(".pdf"), browser)
    return page


def _target(root: Path, out: Path | str | None, wanted: Wanted) -> Path:
    usual = root / "report" / "compared" if wanted.compare else root / "report"
    target = usual if out is None else Path(out)
    return target if target.suffix == ".html" else target / "index.html"


def write_files(report: Report, folder: Path) -> tuple[Path, ...]:
    """Every table as CSV, LaTeX and Markdown under `tables/`, every figure as SVG, PNG, PDF and CSV under `figures/`.

    LaTeX and Markdown have the columns that the page opens with, CSV has all.
    Names are made of letters, digits, `-` and `_` alone, whatever a track or a metric is called.
    """
    made: list[Path] = []
    for i, table in enumerate(report.tables.values(), start=1):
        stem = folder / "tables" / f"{i:02d}-{_file_name(table.key)}"
        open_ = table.select(columns=[c.key for c in table.columns if c.key not in table.secondary])
        for ending, text in (("csv", to_csv(table)), ("tex", to_latex(open_)), ("md", to_markdown(open_))):
            path = stem.with_name(f"{stem.name}.{ending}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path, "w") as stream:
                stream.write(text)
            made.append(path)
    for plot in report.plots.values():
        stem = folder / "figures" / _file_name(plot.key)
        stem.parent.mkdir(parents=True, exist_ok=True)
        made += [save_plot(plot, stem.with_name(f"{stem.name}{e}")) for e in (".svg", ".csv", ".png", ".pdf")]
    return tuple(made)


def _file_name(key: str) -> str:
    kept = "".join(c if (c.isascii() and c.isalnum()) or c in "-_" else "-" for c in key)
    return kept.strip("-")[:80] or "table"


def _browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise MeasureError("no browser to print the PDF with", fix="install chromium, or print the page by hand")
    return found


def to_pdf(page: Path, out: Path, browser: str | None = None) -> Path:
    """Print a page as PDF through a headless Chromium, with the page's print style; MeasureError when that fails."""
    browser = browser or _browser()
    with tempfile.TemporaryDirectory() as profile:
        # Root has no sandbox; the page is ours and loads nothing from outside.
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={profile}", "--no-pdf-header-footer", "--virtual-time-budget=4000",
            f"--print-to-pdf={out.resolve()}", page.resolve().as_uri(),
        ]  # fmt: skip
        out.unlink(missing_ok=True)
        try:
            _run(command)
        except (OSError, subprocess.SubprocessError) as error:
            raise MeasureError(f"{out}: the browser did not print ({error})", fix="print the page by hand") from error
    if not out.is_file():
        raise MeasureError(f"{out}: the browser printed nothing", fix="print the page by hand")
    return out


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, capture_output=True, timeout=PRINT_SECONDS, check=True)

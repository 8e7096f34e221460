"""``eap-bench report``."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.cli.common import PATH, json_option, note, print_json

LARGE_MB = 20


@click.command()
@click.argument("run", type=PATH, required=False)
@click.option("--run", "named", type=PATH, help="The same as the argument RUN.")
@click.option("--compare", type=PATH, multiple=True, help="Another run; may be repeated: one page of all of them.")
@click.option("--out", type=PATH, help="Folder, or file.html.  [default: <run>/report, or its folder 'compared']")
@click.option("--single-file", is_flag=True, help="Put the media into the page: one file to send.")
@click.option("--cap-mb", type=click.IntRange(1), default=50, show_default=True, help="The most a single file may be.")
@click.option("--pdf", is_flag=True, help="Print the page as index.pdf, too (needs chromium).")
@click.option(
    "--files", is_flag=True, help="Write tables (CSV, LaTeX, Markdown) and figures (SVG, PNG, PDF, CSV), too."
)
@click.option("--templates", type=PATH, help="A folder of your own page.html, page.css, extra.css, ...")
@click.option("--validity", type=PATH, help="Folder of 'eap-bench validate', for its heat map. [default: RUN/validity]")
@json_option
def report(
    run: Path | None,
    named: Path | None,
    compare: tuple[Path, ...],
    out: Path | None,
    single_file: bool,
    cap_mb: int,
    pdf: bool,
    files: bool,
    templates: Path | None,
    validity: Path | None,
    as_json: bool,
) -> None:
    """Write the report of a run, or of several compared.

    RUN is a directory that 'eap-bench run' wrote. With --compare the page has the rows of all runs and what changed
    since the first of those; numbers measured in different ways are shown, but neither ranked nor subtracted.

    \b
    Example:
      eap-bench report runs/mead-1a2b3c4d
      eap-bench report runs/new --compare runs/old --pdf
    """
    if (run is None) == (named is None):
        raise click.UsageError("give one run directory, as in: eap-bench report runs/mead-1a2b3c4d")
    import reports

    wanted = reports.Wanted(compare, single_file, cap_mb, pdf, files, templates, validity)
    index = reports.build(run or named or Path(), out, wanted)
    megabytes = index.stat().st_size / 1e6 if index.is_file() else 0.0
    if single_file and megabytes > LARGE_MB:
        note(f"warning: {index} weighs {megabytes:.0f} MB; browsers open such pages slowly")
    if as_json:
        printed = str(index.with_suffix(".pdf")) if pdf else None
        folder = str(index.parent) if files else None
        print_json({"run": str(run or named), "report": str(index), "pdf": printed, "files": folder})
        return
    click.echo(f"report: {index}")
    if pdf:
        click.echo(f"pdf: {index.with_suffix('.pdf')}")
    if files:
        click.echo(f"tables and figures: {index.parent / 'tables'}, {index.parent / 'figures'}")

"""``eap-bench report``."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.cli.common import PATH, json_option, print_json


@click.command()
@click.option("--run", "run_dir", type=PATH, required=True, help="A directory that 'eap-bench run' wrote.")
@click.option("--out", type=PATH, help="Folder for the report.  [default: <run>/report]")
@json_option
def report(run_dir: Path, out: Path | None, as_json: bool) -> None:
    """Write the report of a run directory again.

    \b
    Example:
      eap-bench report --run runs/mead-1a2b3c4d
    """
    import reports

    index = reports.build(run_dir, out)
    if as_json:
        print_json({"run": str(run_dir), "report": str(index)})
    else:
        click.echo(f"report: {index}")

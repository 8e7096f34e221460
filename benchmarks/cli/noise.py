"""``eap-bench noise``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.check import run_suite
from benchmarks.cli.common import PATH, json_option, note, print_json, writable_target
from eap.errors import ConfigError

if TYPE_CHECKING:
    from benchmarks.noise import NoiseReport


@click.command()
@click.option("--run", "run_dir", type=PATH, help="A finished run of the embedded world.")
@click.option("--suite", help="Run this suite first (a finished run of the same code is served from its directory).")
@click.option("--against", multiple=True, type=PATH, help="Another run of the same thing: A/A by hand (repeat).")
@click.option(
    "--source", "sources", multiple=True, type=click.Choice(["re-encode", "threads", "seed"]),
    help="Only these sources (repeat).  [default: re-encode; all three with --suite]",
)  # fmt: skip
@click.option("--out", type=PATH, help="Folder for the runs that are made.  [default: <run>-noise]")
@click.option("--workers", type=int, default=1, show_default=True, help="Processes that work side by side.")
@click.option("--write", type=PATH, help="Write the proposed floors to this .toml file.")
@json_option
def noise(
    run_dir: Path | None,
    suite: str | None,
    against: tuple[Path, ...],
    sources: tuple[str, ...],
    out: Path | None,
    workers: int,
    write: Path | None,
    as_json: bool,
) -> None:
    """Measure A/A noise and propose floors from it.

    The clips of one run are measured again where nothing that matters has changed: encoded once more, with two threads,
    with another draw of reference images. What a metric moves then is noise, and its floor must stand above it.

    \b
    Example:
      eap-bench noise --suite smoke --write benchmarks/regression/floors.toml
      eap-bench noise --run runs/a --against runs/b --against runs/c
    """
    from benchmarks.noise import SOURCES, NoiseReport, make_variant, measure_noise, propose, write_floors
    from benchmarks.regression.snapshot import snapshot_of_run

    if (run_dir is None) == (suite is None):
        raise ConfigError("one of --run and --suite is wanted", fix="name a finished run, or a suite to run first")
    if write is not None:
        writable_target(write, (".toml",))
    chosen = sources or (() if against else SOURCES if suite is not None else ("re-encode",))
    if suite is not None:
        run_dir = run_suite(suite, None, workers, quiet=as_json)
    assert run_dir is not None
    base = snapshot_of_run(run_dir)
    folder = out or run_dir.with_name(f"{run_dir.name}-noise")
    others = [("given", snapshot_of_run(path)) for path in against]
    for source in chosen:
        if not as_json:
            note(f"{source}: {len(base.clips)} clips, {'measured again' if source == 're-encode' else 'a whole run'}")
        others.append((source, snapshot_of_run(make_variant(source, run_dir, folder, workers))))
    rows = measure_noise(base, others)
    report = NoiseReport(base.suite, str(run_dir), rows, propose(rows))
    if write is not None:
        write_floors(report, write, base.commit)
    if as_json:
        print_json(report.to_json())
    else:
        _show(report, write)


def _show(report: NoiseReport, write: Path | None) -> None:
    from benchmarks.regression.outputs.words import number

    click.echo(f"A/A noise of {report.run} (suite {report.suite}); + is worse, in the metric's unit")
    click.echo(f"{'source':10} {'metric':24} {'row/track':28} {'mean':>10} {'error':>10} {'largest':>10} {'clips':>6}")
    for row in report.rows:
        figures = "".join(f" {number(value):>10}" for value in (row.mean, row.error, row.largest))
        click.echo(f"{row.source:10} {row.metric:24} {row.method + '/' + row.track:28}{figures} {row.n:>6}")
    click.echo("proposed floors (absolute, relative):")
    for name, floor in report.floors.items():
        click.echo(f"  {name:24} {number(floor.absolute or 0.0):>10} {number(floor.relative or 0.0):>8}")
    click.echo(f"written: {write}" if write is not None else "write them with --write FILE.toml")

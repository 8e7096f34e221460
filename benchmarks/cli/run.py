"""``eap-bench run``."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.cli.common import PATH, json_option, judging_options, print_json, split_names


@click.command()
@click.option("--suite", default="mead", show_default=True, help="mead, mead-full, smoke, or a .toml file.")
@click.option("--data", type=PATH, help="A dataset in the MEAD layout, instead of the embedded world.")
@click.option(
    "--method", "methods", multiple=True, help="Only these: names, .toml files, or NAME=DIR of finished clips."
)
@click.option("--track", "tracks", multiple=True, type=click.Choice(["neutral", "emotional"]), help="Only this track.")
@click.option("--metrics", multiple=True, help="Only these metrics (repeat, or commas).")
@judging_options
@click.option("--out", type=PATH, help="The run directory.  [default: ./runs/<suite>-<hash>]")
@click.option("--workers", type=int, help="Processes that work side by side.  [default: one per core]")
@click.option("--executor", default="local", show_default=True, help="Where the work is done.")
@click.option("--retry-failed", is_flag=True, help="Try the clips again that failed in this run directory.")
@click.option("--force-bundled", is_flag=True, help="Use the bundled evaluators on faces they were not trained for.")
@click.option("--no-report", is_flag=True, help="Leave the HTML report out.")
@json_option
def run(
    suite: str,
    data: Path | None,
    methods: tuple[str, ...],
    tracks: tuple[str, ...],
    metrics: tuple[str, ...],
    protocol: str | None,
    evaluators: str,
    sync_crop: str | None,
    out: Path | None,
    workers: int | None,
    executor: str,
    retry_failed: bool,
    force_bundled: bool,
    no_report: bool,
    as_json: bool,
) -> int:
    """Measure methods on a suite and write the report.

    Makes every method's clips, measures them, prints the table with 95 % intervals and writes an HTML report. A run
    that was stopped, by Ctrl-C or worse, goes on when the same command is given again; a finished one is served from
    its directory.

    \b
    Example:
      eap-bench run --suite mead
      eap-bench run --suite smoke --method ground-truth,eap --out runs/try
      eap-bench run --suite mead --data /data/MEAD
      eap-bench run --data /data/MEAD --evaluators official --method ground-truth,eat=/results/eat
    """
    from benchmarks.console import RunConsole
    from benchmarks.runner import RunSettings
    from benchmarks.runner import run as run_suite

    settings = RunSettings(
        suite=suite,
        data=data,
        methods=split_names(methods),
        tracks=tracks,
        metrics=split_names(metrics),
        protocol=protocol or "",
        evaluators=evaluators,
        sync_crop=sync_crop,
        out=out,
        workers=workers,
        executor=executor,
        retry_failed=retry_failed,
        force_bundled=force_bundled,
        report=not no_report,
    )
    console = RunConsole(quiet=as_json)
    outcome = run_suite(settings, observer=console)
    if as_json:
        print_json(outcome.to_json())
    else:
        console.show(outcome)
    return 0 if outcome.n_scored else 3

"""``eap-bench check``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.common import PATH, json_option, note, print_json, split_names, writable_target
from eap.errors import ConfigError

if TYPE_CHECKING:
    from benchmarks.regression.verdict import Verdict


@click.command()
@click.option("--run", "run_dir", type=PATH, help="A directory that 'eap-bench run' wrote.")
@click.option("--suite", help="Run this suite first (a finished run of the same code is served from its directory).")
@click.option("--baseline", type=PATH, help="Baseline file or run directory.  [default: baselines/<suite>.json]")
@click.option("--out", type=PATH, help="With --suite: the run directory.  [default: ./runs/<suite>-<hash>]")
@click.option("--workers", type=int, help="With --suite: processes that work side by side.  [default: one per core]")
@click.option("--method", "methods", multiple=True, help="Judge only these rows (repeat, or commas).")
@click.option("--metrics", multiple=True, help="Judge only these metrics (repeat, or commas).")
@click.option("--write", multiple=True, type=PATH, help="Also write the verdict: .json, .md or JUnit .xml (repeat).")
@click.option("--github", is_flag=True, help="Print annotations; append to $GITHUB_STEP_SUMMARY.")
@click.option("--strict", is_flag=True, help="Inconclusive comparisons fail (exit code 3).")
@click.option("--all", "everything", is_flag=True, help="Show the unchanged comparisons too.")
@json_option
def check(
    run_dir: Path | None,
    suite: str | None,
    baseline: Path | None,
    out: Path | None,
    workers: int | None,
    methods: tuple[str, ...],
    metrics: tuple[str, ...],
    write: tuple[Path, ...],
    github: bool,
    strict: bool,
    everything: bool,
    as_json: bool,
) -> int:
    """Hold a run against its baseline.

    Each metric is regressed, improved, unchanged, inconclusive, not comparable or missing. Clips are paired, identities
    are what is drawn, and a change counts when its interval excludes 0 and it exceeds the metric's floors. Exit codes:
    0 ok, 1 regressed, 2 usage, 3 could not measure. Floors, informational metrics and waivers stand under [check] in
    eap-bench.toml.

    \b
    Example:
      eap-bench check --run runs/smoke-1a2b3c4d --baseline baselines/smoke.json
      eap-bench check --suite smoke --write verdict.json --write verdict.md --write junit.xml
    """
    from benchmarks.regression.check import check as judge
    from benchmarks.regression.config import load_config

    if (run_dir is None) == (suite is None):
        raise ConfigError("one of --run and --suite is wanted", fix="name a finished run, or a suite to run first")
    targets = [writable_target(path, (".json", ".md", ".xml")) for path in write]
    config = load_config()
    config = replace(config, strict=config.strict or strict)
    if suite is not None:
        run_dir = run_suite(suite, out, workers, quiet=as_json)
    assert run_dir is not None
    verdict = judge(run_dir, baseline, config, methods=split_names(methods), metrics=split_names(metrics))
    for target in targets:
        write_verdict(verdict, target, targets)
    _print(verdict, github=github, everything=everything, as_json=as_json)
    return verdict.outcome.code


def run_suite(suite: str, out: Path | None, workers: int | None, *, quiet: bool) -> Path:
    """Run a suite without its report; its directory."""
    from benchmarks.console import RunConsole
    from benchmarks.runner import RunSettings, run

    observer = RunConsole(quiet=quiet)
    outcome = run(RunSettings(suite=suite, out=out, workers=workers, report=False), observer=observer)
    if not quiet:
        kept = "served from the run directory" if outcome.from_cache else f"measured in {outcome.seconds:.0f} s"
        note(f"{outcome.root}: {outcome.n_scored} of {len(outcome.records)} rows, {kept}")
    return outcome.root


def write_verdict(verdict: Verdict, target: Path, others: list[Path]) -> None:
    """Write the verdict as the file's suffix says; ``others`` are the files written with it."""
    from benchmarks.regression.document import to_json
    from benchmarks.regression.outputs import junit, markdown
    from eap.files import atomic_write, write_json

    if target.suffix.lower() == ".json":
        write_json(target, to_json(verdict))
        return
    if target.suffix.lower() == ".xml":
        text = junit.render(verdict)
    else:
        whole = next((path.name for path in others if path.suffix.lower() == ".json"), "'eap-bench check --json'")
        text = markdown.render(verdict, whole=whole)
    with atomic_write(target, "w") as stream:
        stream.write(text)


def _print(verdict: Verdict, *, github: bool, everything: bool, as_json: bool) -> None:
    from benchmarks.regression.document import to_json
    from benchmarks.regression.outputs import console
    from benchmarks.regression.outputs import github as actions

    if as_json:
        print_json(to_json(verdict))
    else:
        console.show(verdict, everything=everything)
    if github:
        for line in actions.workflow_commands(verdict):
            # With --json standard output is the document's alone; GitHub reads commands from both streams.
            click.echo(line, err=as_json)
        actions.append_summary(verdict)

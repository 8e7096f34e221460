"""``eap-bench baseline``: accept, show, diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.cli.check import run_suite
from benchmarks.cli.common import PATH, json_option, note, print_json
from eap.errors import ConfigError

if TYPE_CHECKING:
    from benchmarks.regression.verdict import Verdict


@click.group()
def baseline() -> None:
    """Move, show and compare baselines.

    \b
    Example:
      eap-bench baseline accept --suite smoke --reason "new bundle"
    """


@baseline.command()
@click.option("--run", "run_dir", type=PATH, help="A directory that 'eap-bench run' wrote.")
@click.option("--suite", help="Run this suite first (a finished run of the same code is served from its directory).")
@click.option("--baseline", "target", type=PATH, help="The file to write.  [default: baselines/<suite>.json]")
@click.option("--out", type=PATH, help="With --suite: the run directory.  [default: ./runs/<suite>-<hash>]")
@click.option("--workers", type=int, help="With --suite: processes that work side by side.  [default: one per core]")
@click.option("--reason", default="", help="Why the baseline moves; kept in the file.")
@click.option("--allow-missing", is_flag=True, help="Accept a run in which clips failed.")
@json_option
def accept(
    run_dir: Path | None,
    suite: str | None,
    target: Path | None,
    out: Path | None,
    workers: int | None,
    reason: str,
    allow_missing: bool,
    as_json: bool,
) -> None:
    """Make a run the baseline: the only way to move one.

    The file appears whole or not at all and records the command, commit, suite, protocol, clip list, signatures and
    evaluators. Commit it: its diff shows which clips and metrics moved.

    \b
    Example:
      eap-bench baseline accept --run runs/smoke-1a2b3c4d --reason "new bundle"
      eap-bench baseline accept --suite smoke
    """
    from benchmarks.baselines import accept as move
    from benchmarks.baselines import baseline_path
    from benchmarks.spoken import command_line
    from metrics.rundir import RunFiles

    if (run_dir is None) == (suite is None):
        raise ConfigError("one of --run and --suite is wanted", fix="name a finished run, or a suite to run first")
    if suite is not None:
        run_dir = run_suite(suite, out, workers, quiet=as_json)
    assert run_dir is not None
    path = target or baseline_path(RunFiles(run_dir).read_info().suite)
    before = _against(run_dir, path) if path.is_file() else None
    done = move(run_dir, path, command=command_line(), reason=reason, allow_missing=allow_missing)
    if done.snapshot.commit.endswith("+changes"):
        note("the run was made from a changed tree: its commit alone does not give these numbers again")
    line = "the first baseline of this suite" if before is None else f"against the one before: {before.outcome.line}"
    if as_json:
        print_json(
            {
                "baseline": str(path), "series": done.series, "clips": len(done.snapshot.clips), "bytes": done.bytes,
                "commit": done.snapshot.commit, "before": None if before is None else before.outcome.line,
            }
        )  # fmt: skip
    else:
        click.echo(f"{path}: {done.series} series of {len(done.snapshot.clips)} clips, {done.bytes / 1000:.0f} KB")
        click.echo(line)


@baseline.command()
@click.argument("name", default="smoke")
@json_option
def show(name: str, as_json: bool) -> None:
    """What a baseline holds and where it comes from; NAME is a suite or a path.

    \b
    Example:
      eap-bench baseline show smoke
    """
    from benchmarks.baselines import read_file

    path = _find(name)
    file = read_file(path)
    facts = file.model_dump(mode="json", exclude={"series", "clips", "methods"})
    values = [item.model_dump(mode="json", exclude={"clips"}) for item in file.series]
    if as_json:
        print_json({"baseline": str(path), **facts, "clips": len(file.clips), "values": values})
        return
    click.echo(f"{path}: suite {file.suite}, protocol {file.protocol}, {len(file.clips)} clips")
    click.echo(f"accepted {file.accepted.at} by: {file.accepted.command}")
    if file.accepted.reason:
        click.echo(f"reason: {file.accepted.reason}")
    click.echo(f"measured {file.measured} at commit {file.commit or 'unknown'} by: {file.command}")
    from benchmarks.regression.outputs.words import number

    for item in file.series:
        value = "-" if item.value is None else number(item.value)
        row = f"{item.method}/{item.track}"
        click.echo(f"  {item.metric:24} {row:32} {value:>10}  {item.scored}/{item.expected}")


@baseline.command()
@click.argument("old")
@click.argument("new")
@click.option("--all", "everything", is_flag=True, help="Show the unchanged comparisons too.")
@json_option
def diff(old: str, new: str, everything: bool, as_json: bool) -> None:
    """What changed between two baselines or runs; OLD and NEW are suites or paths. Always exits with 0.

    \b
    Example:
      eap-bench baseline diff smoke runs/smoke-1a2b3c4d
    """
    from benchmarks.regression.document import to_json
    from benchmarks.regression.outputs import console

    verdict = _against(_find(new), _find(old))
    if as_json:
        print_json(to_json(verdict))
    else:
        console.show(verdict, everything=everything)


def _against(new: Path, old: Path) -> Verdict:
    from benchmarks.regression.check import check

    return check(new, old)


def _find(name: str) -> Path:
    """A path as it is, else the baseline of the suite of that name."""
    from benchmarks.baselines import FOLDER, baseline_path

    path = Path(name)
    if path.exists():
        return path
    path = baseline_path(name)
    if path.is_file():
        return path
    there = ", ".join(sorted(entry.stem for entry in FOLDER.glob("*.json"))) or "none"
    raise ConfigError(f"{name}: no such file, and no baseline of that name", fix=f"baselines here: {there}")

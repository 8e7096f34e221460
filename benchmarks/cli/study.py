"""``eap-bench study``: a user study from clips to tables."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli.common import PATH, json_option, note, print_json
from eap.errors import ConfigError

if TYPE_CHECKING:
    from user_study.study import Plan, Study

ANALYSIS = ("simulate", "analyze", "power")
"""Commands that live in `study_analysis`: they import statistics, these do not."""


class StudyGroup(click.Group):
    """The group, with the commands of the analysis found when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of a study."""
        return ["create", "serve", "status", "export", *(name for name in ANALYSIS if _analysis(name))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command."""
        return _analysis(cmd_name) if cmd_name in ANALYSIS else super().get_command(ctx, cmd_name)


def _analysis(name: str) -> click.Command | None:
    try:
        module = import_module("benchmarks.cli.study_analysis")
    except ModuleNotFoundError as error:
        if error.name != "benchmarks.cli.study_analysis":
            raise
        return None
    found: click.Command | None = getattr(module, name, None)
    return found


FOLDER = click.argument("folder", type=PATH)
DATABASE = click.option("--database", default="", help="PostgreSQL URL.  [default: SQLite in the study's folder]")


@click.group(cls=StudyGroup)
def study() -> None:
    """Ask people: a rating web form, its answers and their statistics.

    \b
    Example:
      eap-bench study create --run runs/mead --design design.toml --out studies/faces
      eap-bench study serve studies/faces
    """


@study.command()
@click.option("--run", type=PATH, help="Run directory whose clips are shown.")
@click.option("--method", "methods", multiple=True, metavar="NAME=FOLDER", help="A method's clips (repeat).")
@click.option("--design", type=PATH, help="Design file.  [default: the packaged example]")
@click.option("--out", type=PATH, help="Folder of the new study.")
@click.option("--example", is_flag=True, help="Print the example design file, and do nothing else.")
@json_option
def create(
    run: Path | None, methods: tuple[str, ...], design: Path | None, out: Path | None, example: bool, as_json: bool
) -> None:
    """Make a study: choose and copy clips, check the design, fix both.

    \b
    Example:
      eap-bench study create --example > design.toml
      eap-bench study create --run runs/mead --design design.toml --out studies/faces
    """
    from user_study.design import EXAMPLE
    from user_study.study import plan

    if example:
        text = EXAMPLE.read_text(encoding="utf-8")
        if as_json:
            print_json({"design": text})
        else:
            click.echo(text, nl=False)
        return
    if out is None:
        raise ConfigError("the new study has no folder", fix="give --out FOLDER")
    planned = plan(run, [_folder(text) for text in methods], design)
    note(_cost(planned))
    made, token = _create(out, planned, quiet=as_json)
    told = _made(made, token)
    if as_json:
        print_json(told)
        return
    click.echo(f"{out}: {told['stimuli']} stimuli, {told['cells']} cells, {told['trials']} trials per rater")
    click.echo(f"each cell is rated about {told['ratings_per_cell']:.1f} times by {made.design.raters} raters")
    click.echo(f"admin token (shown only now): {token}")
    click.echo(f"next: eap-bench study serve {out}")


def _folder(text: str) -> tuple[str, Path]:
    name, equals, folder = text.partition("=")
    if not equals or not name or not folder:
        raise ConfigError(f"--method {text!r}", fix="write --method NAME=FOLDER")
    if not Path(folder).is_dir():
        raise ConfigError(f"{folder}: no such folder", fix="give the folder of that method's clips")
    return name, Path(folder)


def _cost(planned: Plan) -> str:
    size = sum(source.video.stat().st_size for source in planned.sources if source.video.is_file())
    seconds = 12 + 0.1 * len(planned.sources)
    return f"copying {len(planned.sources)} clips ({size / 1e6:.1f} MB), about {seconds:.0f} s"


def _create(out: Path, planned: Plan, quiet: bool) -> tuple[Study, str]:
    from rich.console import Console
    from rich.progress import Progress

    from user_study.study import Study

    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as progress:
        task = progress.add_task("clips", total=len(planned.sources))
        return Study.create(out, planned, lambda: progress.advance(task))


def _made(made: Study, token: str) -> dict[str, Any]:
    boards = made.data.boards.values()
    trials = sum(block.trials for block in made.design.blocks)
    cells = sum(len(board.cells) for board in boards)
    return {
        "folder": str(made.data.folder),
        "id": made.data.info.id,
        "stimuli": len(made.data.stimuli),
        "cells": cells,
        "trials": trials,
        "ratings_per_cell": made.design.raters * trials / cells,
        "design_sha256": made.data.info.design_sha256,
        "admin_token": token,
    }


@study.command()
@FOLDER
@DATABASE
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8600, show_default=True)
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Server processes.")
@click.option("--root-path", default="", help="Prefix under which a proxy shows the study, like /study.")
@click.option("--trusted-proxies", default="127.0.0.1", show_default=True, help="Whose X-Forwarded-* are believed.")
@click.option("--certificate", type=PATH, help="TLS certificate (PEM).")
@click.option("--private-key", type=PATH, help="Its key (PEM).")
@click.option("--upgrade", is_flag=True, help="Bring an older database to this version (a copy is kept).")
@click.option("--check-only", is_flag=True, help="Check everything, then stop.")
@json_option
def serve(
    folder: Path,
    database: str,
    host: str,
    port: int,
    workers: int,
    root_path: str,
    trusted_proxies: str,
    certificate: Path | None,
    private_key: Path | None,
    upgrade: bool,
    check_only: bool,
    as_json: bool,
) -> None:
    """Serve a study's web form until stopped; raters' answers are on the disk before they are confirmed.

    \b
    Example:
      eap-bench study serve studies/faces --host 0.0.0.0 --port 8600 --root-path /study
    """
    from user_study.serving import Serving, only_server
    from user_study.study import Study

    opened = Study.open(folder, database)
    how = Serving(host, port, workers, root_path, trusted_proxies, certificate, private_key)
    with only_server(opened.data, database):
        ready = opened.check(how, upgrade=upgrade)
        scheme = "https" if certificate else "http"
        address = f"{scheme}://{host}:{port}{root_path}/"
        if as_json:
            print_json({"address": address, "admin": f"{address}admin", "raters": ready.raters, "notes": ready.notes})
        else:
            for remark in ready.notes:
                note(f"note: {remark}")
            click.echo(f"raters: {address}\nstatus: {address}admin\n{ready.raters} raters so far; stop with Ctrl-C")
        if not check_only:
            opened.serve(how)


@study.command()
@FOLDER
@DATABASE
@click.option("--refill", is_flag=True, help="Have the cells of raters that screening does not use filled by others.")
@json_option
def status(folder: Path, database: str, refill: bool, as_json: bool) -> None:
    """Show how a study stands: raters, cells, checks, screening, playback.

    \b
    Example:
      eap-bench study status studies/faces
    """
    from user_study.study import Study

    opened = Study.open(folder, database)
    refilled = opened.refill() if refill else {}
    told = opened.status() | ({"refilled": refilled} if refill else {})
    if as_json:
        print_json(told)
        return
    for line in _status_lines(told):
        click.echo(line)
    for rater, reason in refilled.items():
        click.echo(f"filled again: {rater} ({reason})")


def _status_lines(told: dict[str, Any]) -> list[str]:
    raters = told["raters"]
    lines = [
        f"{told['title']}: {raters['done']} of {told['planned']} raters finished, {raters['active']} rating now, "
        f"{raters['dropped']} went silent, {raters['withdrawn']} withdrew, {raters['blocked']} failed the check",
        f"{told['answers']} answers" + ("" if told["minutes"] is None else f", median {told['minutes']} minutes"),
    ]
    for block in told["blocks"]:
        done = sum(cell["done"] for cell in block["cells"])
        lines.append(
            f"{block['name']}: {done} trials in {len(block['cells'])} cells, emptiest {block['least']}, "
            f"fullest {block['most']}"
        )
    lines += [f"{name}: {right} of {n} as expected" for name, (right, n) in told["checks"].items()]
    if screening := told["screening"]:
        lines.append(f"screening: {screening['paid']} paid, {screening['used']} used of {screening['raters']}")
    for seen in told["playback"]:
        lines.append(
            f"{seen['device']}: {100 * seen['stalled']:.1f} % stalled, {100 * seen['dropped']:.1f} % frames dropped, "
            f"wait {seen['load_median']:.2f} s (95 %: {seen['load_worst']:.2f} s)"
        )
    return lines + [f"FAULT: {fault}" for fault in told["faults"]]


@study.command()
@FOLDER
@DATABASE
@click.option("--out", type=PATH, help="Folder for the tables.  [default: FOLDER/export]")
@click.option("--platform", type=PATH, help="Also write platform accounts for payment to this file (personal data).")
@json_option
def export(folder: Path, database: str, out: Path | None, platform: Path | None, as_json: bool) -> None:
    """Write a study's tidy tables, codebook and design; pseudonyms only.

    \b
    Example:
      eap-bench study export studies/faces --out tables
    """
    from user_study.study import Study

    opened = Study.open(folder, database)
    written = opened.export(out or folder / "export")
    accounts = opened.export_platform(platform) if platform is not None else None
    if as_json:
        print_json({"files": [str(path) for path in written], "platform_rows": accounts})
        return
    for path in written:
        click.echo(str(path))
    if platform is not None:
        note(f"{platform}: {accounts} platform accounts: personal data, keep it apart and delete it after payment")

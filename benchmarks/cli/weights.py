"""``eap-bench weights``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.cli.common import PATH, json_option, note, print_json
from eap.errors import ConfigError

if TYPE_CHECKING:
    from eap.perception.official.files import WeightFile
    from metrics.evaluators.weights import Checked


@click.group()
def weights() -> None:
    """List, fetch and verify weights.

    Those of the bundle come with the project. Those of the official evaluators are published by others and are
    fetched into a folder of yours (EAP_WEIGHTS; default: in the cache folder), from their publishers or from a mirror
    (EAP_WEIGHTS_URL).

    \b
    Example:
      eap-bench weights list
      eap-bench weights fetch syncnet inception
    """


@weights.command("list")
@json_option
def list_weights(as_json: bool) -> None:
    """What the bundle holds (talking models, teachers, evaluators), and the files of the official evaluators.

    \b
    Example:
      eap-bench weights list --json
    """
    from dataclasses import asdict

    from eap.bundle.store import BUNDLE_DIR, read_manifest
    from metrics.evaluators.weights import FILES, available, weights_dir

    entries, folder = read_manifest(), weights_dir()
    if as_json:
        official = [{**asdict(item), "present": available(item.name)} for item in FILES]
        bundled = [asdict(entry) for entry in entries.values()]
        print_json({"bundle": str(BUNDLE_DIR), "weights": bundled, "folder": str(folder), "official": official})
        return
    if not entries:
        note(f"{BUNDLE_DIR} holds no weights")
    for entry in sorted(entries.values(), key=lambda item: (item.meta.role, item.name)):
        size = f"{entry.bytes / 1e6:.1f} MB"
        click.echo(f"{entry.meta.role:10} {entry.name:20} {size:>8}  {entry.meta.architecture:22} {entry.sha256[:12]}")
    click.echo(f"\nofficial evaluators, in {folder}:")
    for item in FILES:
        state = "there" if available(item.name) else "-"
        known = item.sha256[:12] or "first use"
        click.echo(f"{state:10} {item.name:22} {_size(item):>9}  {known:12}  {item.purpose} ({item.licence})")


def _size(item: WeightFile) -> str:
    return "?" if item.bytes is None else f"{item.bytes / 1e6:.1f} MB"


@weights.command()
@click.argument("names", nargs=-1)
@click.option("--from", "source", type=PATH, help="A folder that holds the files, for machines without internet.")
@json_option
def fetch(names: tuple[str, ...], source: Path | None, as_json: bool) -> None:
    """Fetch files of the official evaluators: all of them, or those named.

    Downloads go on where they broke off; a file is kept only when it has the published size and sha256. Where no hash
    is published the first file is trusted and its hash recorded.

    \b
    Example:
      eap-bench weights fetch syncnet inception hsemotion-va
      eap-bench weights fetch --from /media/stick/weights
    """
    from metrics.evaluators.download import fetch as fetch_file
    from metrics.evaluators.download import source_url
    from metrics.evaluators.weights import FILES, check, expected_sha256, weight_file, weights_dir

    if source is not None and not source.is_dir():
        raise ConfigError(f"{source}: no such folder", fix="give the folder that holds the files")
    items = [weight_file(name) for name in dict.fromkeys(names)] or list(FILES)
    folder = weights_dir()
    absent = [item for item in items if check(item).state != "ok"]
    if absent and not as_json:
        total = sum(item.bytes or 0 for item in absent) / 1e6
        note(f"{len(absent)} of {len(items)} file(s), about {total:.0f} MB, to {folder}")
    found: list[dict[str, Any]] = []
    for item in items:
        with _Bar(item, quiet=as_json or item not in absent or source is not None) as bar:
            path = fetch_file(item, source=source, progress=bar.update)
        origin = "there" if item not in absent else str(source or source_url(item))
        found.append({"name": item.name, "path": str(path), "sha256": expected_sha256(item, folder), "from": origin})
        if not as_json:
            click.echo(f"{item.name:22} {path}")
    if as_json:
        print_json({"folder": str(folder), "fetched": found})


class _Bar:
    """A progress bar in bytes on standard error; drawn only on a terminal."""

    def __init__(self, item: WeightFile, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True)
        self._task = self._bar.add_task(item.name, total=item.bytes)

    def __enter__(self) -> _Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, done: int, total: int | None) -> None:
        """So many bytes are there."""
        self._bar.update(self._task, completed=done, total=total)


@weights.command()
@click.argument("names", nargs=-1)
@json_option
def verify(names: tuple[str, ...], as_json: bool) -> int:
    """Check files against their hashes, and that judges are independent of teachers.

    Without names: the whole bundle, and those files of the official evaluators that are there. With names: these
    official files, which must be there. Exit code 1 when something is wrong.

    \b
    Example:
      eap-bench weights verify
      eap-bench weights verify syncnet
    """
    from eap.bundle.store import BUNDLE_DIR, read_manifest
    from eap.bundle.store import verify as verify_bundle
    from metrics.evaluators.weights import FILES, check, weight_file, weights_dir

    problems: list[str] = []
    if not names:
        problems = verify_bundle()
        if not problems and not read_manifest():
            problems = [f"{BUNDLE_DIR}: no weights"]
    checked = [check(item) for item in ([weight_file(name) for name in names] or FILES)]
    problems += [item.problem for item in checked if item.problem]
    if names:
        problems += [f"{item.path}: no such file" for item in checked if item.state == "missing"]
    else:
        problems += _teaching(checked)
    if as_json:
        print_json({"bundle": str(BUNDLE_DIR), "folder": str(weights_dir()), "official": _states(checked),
                    "problems": problems})  # fmt: skip
        return 1 if problems else 0
    for problem in problems:
        note(problem)
    looked = sum(item.state != "missing" for item in checked)
    where = "" if names else f"{BUNDLE_DIR} and "
    verdict = f"{len(problems)} problem(s)" if problems else "all files are right"
    click.echo(f"{where}{looked} file(s) of the official evaluators in {weights_dir()}: {verdict}")
    return 1 if problems else 0


def _states(checked: list[Checked]) -> list[dict[str, str]]:
    return [{"name": i.item.name, "path": str(i.path), "state": i.state, "detail": i.detail} for i in checked]


def _teaching(checked: list[Checked]) -> list[str]:
    """Official files that are a teacher of a bundled model: one line each."""
    from metrics.evaluators.independence import teacher_problems
    from metrics.evaluators.weights import expected_sha256

    there = {i.item.name: expected_sha256(i.item, i.path.parent) for i in checked if i.state == "ok"}
    return teacher_problems(there)

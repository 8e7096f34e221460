"""What the commands share: ``--json``, printing, paths that must exist."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from eap.errors import ConfigError, EapError, MediaError

Function = TypeVar("Function", bound=Callable[..., Any])

PATH = click.Path(path_type=Path)


def json_option(function: Function) -> Function:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else.")(function)


def judging_options(function: Function) -> Function:
    """Add ``--protocol``, ``--evaluators`` and ``--sync-crop``: how is measured, and by which networks."""
    crops = "lrs-frame, s3fd-track, s3fd-track50 or fan-224."
    options = (
        click.option("--protocol", help="strict (default) or eat-2023: how clips are cropped, paired and pooled."),
        click.option(
            "--evaluators",
            default="bundled",
            show_default=True,
            type=click.Choice(["bundled", "official", "mediapipe"]),
            help="Networks that judge: ours for the embedded world; published ones for real faces.",
        ),
        click.option("--sync-crop", help=f"How published SyncNet is given a face: {crops}"),
    )
    for option in reversed(options):
        function = option(function)
    return function


def print_json(value: object) -> None:
    """One JSON document on standard output; numbers that are not finite become null."""
    click.echo(json.dumps(_finite(value), indent=2, ensure_ascii=False, default=str))


def note(text: str) -> None:
    """A remark for people: on standard error, so that ``--json`` and pipes stay clean."""
    click.echo(text, err=True)


def split_names(values: tuple[str, ...]) -> tuple[str, ...]:
    """``("a,b", "c")`` -> ``("a", "b", "c")``; each name once, in the order given."""
    names = [name.strip() for value in values for name in value.split(",")]
    return tuple(dict.fromkeys(name for name in names if name))


def existing_file(path: Path, what: str, kind: type[EapError] = MediaError) -> Path:
    """The path, or an error that says what is missing where a file was expected."""
    if path.is_dir():
        raise kind(f"{path} is a folder, {what} is wanted", fix="give a file")
    if not path.exists():
        raise kind(f"{path}: no such file", fix=f"give the path of {what}")
    return path


def writable_target(path: Path, suffixes: tuple[str, ...]) -> Path:
    """An output file's path, checked before any work is done."""
    if path.suffix.lower() not in suffixes:
        raise ConfigError(f"{path}: the file name must end in {' or '.join(suffixes)}", fix="choose another --out")
    if path.is_dir():
        raise ConfigError(f"{path} is a folder", fix="give a file name for --out")
    parent = path.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise ConfigError(f"{path}: {parent} is not a folder", fix="choose another --out")
    return path


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value

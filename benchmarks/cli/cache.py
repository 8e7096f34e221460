"""``eap-bench cache``."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.cli.common import json_option, print_json
from eap.files import cache_dir

PARTS = ("eat128", "features", "pairs", "worlds")


@click.group()
def cache() -> None:
    """Show or clear what is cached (rendered worlds, features of clips); it is all made again when needed.

    \b
    Example:
      eap-bench cache show
    """


@cache.command()
@json_option
def show(as_json: bool) -> None:
    """Where the cache is and how much it holds.

    \b
    Example:
      eap-bench cache show --json
    """
    root = cache_dir()
    parts = {entry.name: _size(entry) for entry in _entries(root)}
    if as_json:
        print_json({"cache": str(root), "bytes": sum(parts.values()), "parts": parts})
        return
    click.echo(f"cache: {root} ({_human(sum(parts.values()))})")
    for name, size in parts.items():
        click.echo(f"  {name:20} {_human(size):>10}")


@cache.command()
@click.option("--part", help="Only this part, as 'cache show' names it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def clear(part: str | None, yes: bool, as_json: bool) -> None:
    """Remove what is cached. Run directories are not touched.

    \b
    Example:
      eap-bench cache clear --yes
    """
    import shutil

    from eap.errors import ConfigError

    root = cache_dir()
    entries = [entry for entry in _entries(root) if part in (None, entry.name)]
    if part is not None and not entries:
        raise ConfigError(f"{root}: no part named '{part}'", fix="see 'eap-bench cache show'")
    size = sum(_size(entry) for entry in entries)
    if entries and not yes:
        click.confirm(f"Remove {_human(size)} from {root}?", abort=True, err=True)
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    if as_json:
        print_json({"cache": str(root), "removed": size})
    else:
        click.echo(f"removed {_human(size)} from {root}")


def _entries(root: Path) -> list[Path]:
    # Only what this program puts there: EAP_CACHE may point at a folder that holds other things.
    return [root / name for name in PARTS if (root / name).exists()]


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(entry.lstat().st_size for entry in path.rglob("*") if not entry.is_dir())
    return path.lstat().st_size


def _human(size: float) -> str:
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"

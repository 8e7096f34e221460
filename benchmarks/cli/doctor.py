"""``eap-bench doctor``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import click

from benchmarks.cli.common import json_option, print_json


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Check this installation: packages, video encoding, weights, folders. Exit code 1 when something is wrong.

    \b
    Example:
      eap-bench doctor
    """
    checks = list(_checks())
    if as_json:
        print_json({"ok": all(check.ok for check in checks), "checks": [check._asdict() for check in checks]})
    else:
        for check in checks:
            click.echo(f"{'ok   ' if check.ok else 'WRONG'} {check.name:16} {check.detail}")
    return 0 if all(check.ok for check in checks) else 1


def _checks() -> Iterator[Check]:
    looks: dict[str, Callable[[], str]] = {
        "packages": _packages,
        "video": _video,
        "weights": _weights,
        "cache folder": _cache,
        "this folder": _here,
    }
    for name, look in looks.items():
        try:
            yield Check(name, True, look())
        except Exception as error:  # whatever is wrong is what is asked for
            yield Check(name, False, " ".join(f"{type(error).__name__}: {error}".split()))


def _packages() -> str:
    from benchmarks.fingerprint import versions

    found = versions()
    absent = [name for name, number in found.items() if number == "absent"]
    if absent:
        raise ModuleNotFoundError(", ".join(absent))
    return ", ".join(f"{name} {number}" for name, number in found.items() if name != "platform")


def _video() -> str:
    """Encode and decode a second."""
    import tempfile
    from pathlib import Path

    import numpy as np

    from eap import media

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "try.mp4"
        frames = np.full((25, 96, 96, 3), 128, np.uint8)
        media.write_video(path, frames, 25.0, np.zeros(16000, np.float32), 16000)
        video = media.read_video(path)
    if len(video.frames) != 25:
        raise RuntimeError(f"wrote 25 frames, read {len(video.frames)}")
    return "H.264 and AAC are written and read"


def _weights() -> str:
    from eap.bundle.store import read_manifest, verify
    from eap.errors import WeightsError

    problems = verify()
    if problems:
        raise WeightsError("; ".join(problems))
    entries = read_manifest()
    if not entries:
        raise WeightsError("the bundle is empty")
    return ", ".join(sorted(entries))


def _cache() -> str:
    from eap.files import cache_dir

    return _room(cache_dir())


def _here() -> str:
    from pathlib import Path

    return _room(Path.cwd() / "runs")


def _room(path: object) -> str:
    """Whether the folder can be written, and how much is free."""
    import shutil
    import tempfile
    from pathlib import Path

    folder = Path(str(path))
    while not folder.is_dir():
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder):
        free = shutil.disk_usage(folder).free
    return f"{path}, {free / 1e9:.1f} GB free"

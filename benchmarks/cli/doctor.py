"""``eap-bench doctor``: what is here, what is missing, and the command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.cli.common import PATH, json_option, print_json
from benchmarks.cli.data_verify import LAYOUTS, reader

MIB = 1 << 20
LEAST_ROOM = 500 * MIB
"""A small suite's clips and features take less."""
EXTRAS = {"official": "face_alignment", "mediapipe": "mediapipe", "iqa": "pyiqa", "postgres": "psycopg"}
"""Extra -> a module that it brings."""


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    fix: str = ""
    """The command or step that mends it, or adds what is not needed but missing; empty where nothing is to be done."""


class Found(NamedTuple):
    """What a look found: all right, and perhaps a command that would add to it."""

    detail: str
    fix: str = ""


class Wrong(Exception):  # noqa: N818 - a finding, not a fault of this program
    """Something that does not work; `fix` mends it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.fix = fix


@click.command()
@click.option("--data", type=PATH, multiple=True, help="Also look into this dataset folder (repeat for several).")
@click.option("--layout", type=click.Choice(LAYOUTS), default="mead", show_default=True, help="How they lie.")
@json_option
def doctor(data: tuple[Path, ...], layout: str, as_json: bool) -> int:
    """Check this installation.

    Looks at packages, device, video, weights, data folders and disk. What is missing stands with the command that
    mends it; what is missing and not needed on the embedded world (other people's evaluators, extras) is no fault.
    Exit code 1 when something is wrong.

    \b
    Example:
      eap-bench doctor
      eap-bench doctor --data /data/MEAD
    """
    checks = list(_checks(data or _data_of_settings(), layout))
    if as_json:
        print_json({"ok": all(check.ok for check in checks), "checks": [check._asdict() for check in checks]})
    else:
        for check in checks:
            state = "ok" if check.ok and not check.fix else "-" if check.ok else "WRONG"
            click.echo(f"{state:5} {check.name:18} {check.detail}")
            if check.fix:
                click.echo(f"{'':24} -> {check.fix}")
    return 0 if all(check.ok for check in checks) else 1


def _checks(data: tuple[Path, ...], layout: str) -> Iterator[Check]:
    from eap.errors import EapError

    looks: dict[str, Callable[[], Found]] = {
        "python": _python,
        "packages": _packages,
        "device": _device,
        "video": _video,
        "weights": _weights,
        "official weights": _official,
        "extras": _extras,
        **{f"data {folder}": lambda folder=folder: _data(folder, layout) for folder in data},  # type: ignore[misc]
        "cache folder": _cache,
        "this folder": _here,
    }
    for name, look in looks.items():
        try:
            yield Check(name, True, *look())
        except Wrong as error:
            yield Check(name, False, str(error), error.fix)
        except EapError as error:
            yield Check(name, False, error.message, error.fix)
        except Exception as error:  # whatever is wrong is what is asked for
            yield Check(name, False, " ".join(f"{type(error).__name__}: {error}".split()))


def _data_of_settings() -> tuple[Path, ...]:
    """The folder that `eap-bench.toml` names for `run`, if it does."""
    settings = click.get_current_context().find_root().default_map or {}
    folder = settings.get("run", {}).get("data")
    return (Path(folder),) if folder else ()


def _python() -> Found:
    import platform
    import sys

    return Found(f"{platform.python_version()}, {sys.executable}")


def _packages() -> Found:
    from benchmarks.fingerprint import versions

    found = versions()
    absent = [name for name, number in found.items() if number == "absent"]
    if absent:
        raise Wrong(f"not installed: {', '.join(absent)}", f"pip install {' '.join(absent)}")
    return Found(", ".join(f"{name} {number}" for name, number in found.items() if name not in ("platform", "python")))


def _device() -> Found:
    """What the official evaluators and trainings would run on; the bundled ones run on the CPU."""
    import os

    import torch

    wanted = os.environ.get("EAP_DEVICE", "cpu")
    try:
        torch.zeros(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        said = str(error).splitlines()[0]
        fix = "unset EAP_DEVICE, or install torch for it"
        raise Wrong(f"EAP_DEVICE={wanted} cannot be used: {said}", fix) from error
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
        return Found(f"{wanted}; CUDA: {names}", "export EAP_DEVICE=cuda" if wanted == "cpu" else "")
    return Found(f"{wanted}, {torch.get_num_threads()} threads, no CUDA device")


def _video() -> Found:
    """Encode and decode a second."""
    import tempfile

    import numpy as np

    from eap import media

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "try.mp4"
        frames = np.full((25, 96, 96, 3), 128, np.uint8)
        media.write_video(path, frames, 25.0, np.zeros(16000, np.float32), 16000)
        video = media.read_video(path)
    if len(video.frames) != 25:
        raise Wrong(f"wrote 25 frames, read {len(video.frames)}", "pip install --force-reinstall av")
    return Found("H.264 and AAC are written and read, no ffmpeg program needed")


def _weights() -> Found:
    from eap.bundle.store import BUNDLE_DIR, read_manifest, verify

    mend = "install eap-bench again (in a checkout: git checkout -- eap/bundle)"
    problems = verify()
    if problems:
        raise Wrong("; ".join(problems), mend)
    entries = read_manifest()
    if not entries:
        raise Wrong(f"{BUNDLE_DIR}: the bundle is empty", mend)
    return Found(f"{len(entries)} of the bundle, hashes checked: {', '.join(sorted(entries))}")


def _official() -> Found:
    """Other people's weights: fetched by whoever needs them."""
    from metrics.evaluators.weights import FILES, available, check, weights_dir

    here = [item for item in FILES if available(item.name)]
    problems = [(item.name, found.problem) for item in here if (found := check(item)).problem]
    if problems:
        names = " ".join(name for name, _ in problems)
        said = "; ".join(problem for _, problem in problems)
        raise Wrong(said, f"delete what is named, then: eap-bench weights fetch {names}")
    missing = [item.name for item in FILES if item not in here]
    fix = f"for real faces: eap-bench weights fetch {' '.join(missing)}" if missing else ""
    return Found(f"{len(here)} of {len(FILES)} in {weights_dir()}", fix)


def _extras() -> Found:
    from importlib.util import find_spec

    missing = [extra for extra, module in EXTRAS.items() if find_spec(module) is None]
    here = ", ".join(extra for extra in EXTRAS if extra not in missing) or "none"
    return Found(f"installed: {here}", f"if wanted: pip install 'eap-bench[{','.join(missing)}]'" if missing else "")


def _data(folder: Path, layout: str) -> Found:
    """Raises DataError where the folder is none of that layout."""
    manifest = reader(layout)(folder)
    bad = sum(not item.expected for item in manifest.rejected)
    command = f"eap-bench data verify {folder} --layout {layout}"
    said = f"{layout}, {len(manifest)} clips of {len(manifest.identities)} identities, {bad} unusable"
    if not len(manifest):
        raise Wrong(said, command)
    return Found(said, f"see which: {command}" if bad else "")


def _cache() -> Found:
    from eap.files import cache_dir

    return _room(cache_dir(), "eap-bench cache clear, or name another folder: export EAP_CACHE=DIR")


def _here() -> Found:
    return _room(Path.cwd() / "runs", "free some, or write runs elsewhere: eap-bench run --out DIR")


def _room(path: Path, fix: str) -> Found:
    """Whether the folder can be written, and how much is free."""
    import shutil
    import tempfile

    folder = path
    while not folder.is_dir():
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        raise Wrong(f"{path}: cannot be written ({error.strerror or error})", fix) from error
    said = f"{path}, {free / 1e9:.1f} GB free"
    if free < LEAST_ROOM:
        raise Wrong(said, fix)
    return Found(said)

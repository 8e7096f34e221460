"""What a run's numbers depend on, as one hash: configuration, weights, code, data."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eap import __version__
from eap.data.clip import Manifest

ROOT = Path(__file__).resolve().parent.parent

# What a run's numbers pass through. Training, reports and the command line cannot change a number.
_MEASURING = (
    "eap/media.py", "eap/acoustics.py", "eap/data", "eap/synth", "eap/perception", "eap/model", "eap/inference",
    "metrics", "benchmarks/plan.py", "benchmarks/produce.py", "benchmarks/references.py",
    "benchmarks/external.py",
    "benchmarks/bundled.py", "benchmarks/work.py",
)  # fmt: skip

_NAMED = ("torch", "numpy", "scipy", "av", "pandas", "pyarrow", "librosa", "opencv-python-headless")


@cache
def source_hash(*paths: str) -> str:
    """SHA-256 over the Python files at these paths of the installed packages."""
    digest = hashlib.sha256()
    for name in paths:
        top = ROOT / name
        for file in sorted(top.rglob("*.py")) if top.is_dir() else [top]:
            if file.is_file():
                digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def code_version() -> str:
    """Package version and a hash of the code that numbers pass through."""
    return f"{__version__}+{source_hash(*_MEASURING)[:12]}"


def data_hash(manifest: Manifest) -> str:
    """Hash of a dataset's clips by name, size and time of change (contents would take minutes on real data)."""
    lines = []
    for clip in manifest.clips:
        for path in (clip.video, clip.audio, clip.truth):
            if path is not None and path.exists():
                stat = path.stat()
                lines.append(f"{clip.id}|{path}|{stat.st_size}|{stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def config_hash(config: Mapping[str, Any]) -> str:
    """Hash of JSON data, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()


def versions(extra: Sequence[str] = ()) -> dict[str, str]:
    """Versions of this package, Python and the libraries that numbers pass through."""
    found = {"eap-bench": code_version(), "python": platform.python_version(), "platform": platform.platform()}
    for name in (*_NAMED, *extra):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def commit() -> str | None:
    """The checkout's commit, with ``+changes`` where the tree differs; None outside a checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+changes"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None

"""What the evidence scripts share: one record of a measurement with its commit, command, machine and time.

A script is a function from its arguments to figures, and three lines::

    def measure(args: argparse.Namespace) -> Figures: ...

    if __name__ == "__main__":
        main("world_speed", __doc__, measure, arguments)
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.fingerprint import ROOT, code_version, commit
from eap.errors import EapError, MeasureError
from eap.files import write_json

FOLDER = ROOT / "docs" / "evidence"
"""Where the documents look for evidence."""

_SOURCES = ("eap", "metrics", "benchmarks", "reports", "user_study")

Figures = dict[str, Any]
"""What was measured: JSON values (numbers, texts, lists, dictionaries with text keys); every number finite."""

Measure = Callable[[argparse.Namespace], Figures]
Options = Callable[[argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Interval:
    """A share k of n with its 95 % Wilson score interval (Wilson 1927)."""

    share: float
    low: float
    high: float
    n: int

    def figures(self) -> Figures:
        """As JSON: ``{"share", "ci95": [low, high], "n"}``."""
        return {"share": self.share, "ci95": [self.low, self.high], "n": self.n}


def wilson(hits: int, n: int) -> Interval:
    """The share ``hits / n`` with its 95 % Wilson score interval. Raises ValueError unless 0 <= hits <= n, n > 0."""
    if not 0 <= hits <= n or n == 0:
        raise ValueError(f"{hits} of {n} is no share")
    z2 = 1.959963984540054**2
    share = hits / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), n)


def pin_threads() -> None:
    """One thread for numpy's, scipy's and torch's kernels in this process and in those it starts.

    CPU times of several threads cannot be compared; torch is touched only where it is loaded already.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    import_module("threadpoolctl").threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def rounded(value: object, digits: int = 4) -> Any:
    """The same JSON value with floats at ``digits`` significant digits, so that a file can be read by people.

    Raises MeasureError for a number that is not finite.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise MeasureError("a figure is not finite", fix="look at the measurement: nothing was written")
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {str(key): rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    return value


def changed_sources() -> list[str]:
    """Tracked or new Python files of this checkout that differ from its commit; empty where there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "status", "--porcelain", "--", *_SOURCES],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return []
    return sorted(line[3:] for line in done.stdout.splitlines() if line.endswith((".py", "/", ".safetensors")))


def record(name: str, figures: Figures, *, command: str, seconds: float, folder: Path = FOLDER) -> Path:
    """Write ``folder/<name>.json``, whole or not at all; returns its path.

    Raises MeasureError when a figure is not finite.
    """
    path = folder / f"{name}.json"
    document = {
        "name": name,
        "commit": commit() or "unknown",
        "changed_sources": changed_sources(),
        "code": code_version(),
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count() or 1, "cpu": _processor(), "python": platform.python_version()},
        "seconds": round(seconds, 1),
        "figures": rounded(figures),
    }
    write_json(path, document)
    return path


def read(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The document that `record` wrote. Raises MeasureError naming the file when it is missing or damaged."""
    path = folder / f"{name}.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fix = f"run: python -m benchmarks.evidence.{name}"
        raise MeasureError(f"{path}: no readable evidence ({type(error).__name__})", fix=fix) from error
    if not isinstance(document, dict) or not isinstance(document.get("figures"), dict):
        raise MeasureError(f"{path}: not evidence", fix=f"run: python -m benchmarks.evidence.{name}")
    return document


def main(
    name: str, about: str | None, measure: Measure, options: Options | None = None, argv: Sequence[str] | None = None
) -> None:
    """Run one script: parse, pin threads, measure, write, print the figures. Leaves with an EapError's exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.evidence.{name}", description=about)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the JSON file (default: docs/evidence)")
    if options is not None:
        options(parser)
    args = parser.parse_args(given)
    pin_threads()
    began = time.monotonic()
    command = _command(name, given)
    try:
        figures = measure(args)
        path = record(name, figures, command=command, seconds=time.monotonic() - began, folder=args.out)
    except EapError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    print(json.dumps(rounded(figures), indent=2, ensure_ascii=False))
    print(f"{path} ({time.monotonic() - began:.0f} s)", file=sys.stderr)


def _command(name: str, given: Sequence[str]) -> str:
    """What was typed, without --out: where the file went is no part of the measurement."""
    pairs = zip(["", *given], given, strict=False)
    kept = [word for before, word in pairs if "--out" not in (before, word) and not word.startswith("--out=")]
    # One script may write several files (--name); what was typed is the module's name.
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    typed = spec.name if spec is not None and spec.name.startswith("benchmarks.evidence.") else ""
    return shlex.join(["python", "-m", typed or f"benchmarks.evidence.{name}", *kept])


def _processor() -> str:
    """The CPU's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

"""The clips of a suite: the embedded world (rendered once, cached) or a folder in the MEAD layout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.suites import Suite
from eap.data.clip import Manifest
from eap.files import cache_dir, write_json

Progress = Callable[[int, int], None]
"""Called with (clips done, clips in all)."""

_DONE = "complete.json"


def world_specs(suite: Suite) -> list[Any]:
    """``ClipSpec``s of every clip that the suite measures or takes a reference image from."""
    from eap.synth.clip import ClipSpec

    return [
        ClipSpec(cell.identity, cell.emotion, cell.level, cell.sentence, seconds=suite.seconds)
        for cell in [*suite.cells(), *suite.reference_cells()]
    ]


def world_folder(suite: Suite) -> Path:
    """Where the suite's world is cached: named by its clips, its size and the code that renders it."""
    from benchmarks.fingerprint import source_hash

    text = (
        f"{source_hash('eap/synth', 'eap/media.py')}|{suite.size}|no twin|{[repr(spec) for spec in world_specs(suite)]}"
    )
    return cache_dir() / "worlds" / f"{suite.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def world_is_ready(suite: Suite) -> bool:
    """Whether the suite's world lies complete in the cache."""
    return (world_folder(suite) / _DONE).is_file()


def build_world(suite: Suite, workers: int, progress: Progress) -> Manifest:
    """The suite's world, rendered where it is not cached yet (whole clips; a stopped rendering goes on)."""
    from eap.data.mead import read_mead
    from eap.synth.dataset import write_world

    folder = world_folder(suite)
    if not world_is_ready(suite):
        specs = world_specs(suite)
        write_world(folder, specs, size=suite.size, twin=False, workers=workers, progress=progress)
        write_json(folder / _DONE, {"clips": len(specs), "suite": suite.name})
    return read_mead(folder)


def read_data(root: Path) -> Manifest:
    """A dataset that lies in the MEAD layout; ``DataError`` explains the layout where the folder is something else."""
    from eap.data.mead import read_mead

    return read_mead(root)

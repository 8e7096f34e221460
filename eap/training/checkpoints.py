"""Checkpoints that survive kill -9: written whole, read with ``weights_only=True``, resumed to the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from eap.errors import DataError
from eap.files import atomic_path


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, strings, dicts and lists of them) whole or not at all."""
    with atomic_path(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state, or None where there is no checkpoint. A damaged file is an error, never a silent restart."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise DataError(
            f"{path}: damaged checkpoint ({type(error).__name__})", fix="delete it to start over"
        ) from error
    return state

"""Reading published weight files: tensors only, and every key and shape must be the network's."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from eap.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

M = TypeVar("M", bound="nn.Module")

_COUNTER = "num_batches_tracked"
"""Batch normalisation's step count: older torch did not store it, and a network that only judges never reads it."""


def read_state(path: Path | str) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` file, or of a torch file read with `weights_only=True` (no code is run).

    Raises WeightsError when the file is missing, damaged, or holds anything but named tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path}: no such file", fix="fetch it with 'eap-bench weights fetch'")
    try:
        state = _read(path)
    except pickle.UnpicklingError as error:
        why = "holds more than tensors, and running code from a weight file is refused"
        raise WeightsError(f"{path}: {why}", fix="use the published file of tensors") from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, AttributeError, IndexError) as error:
        raise WeightsError(f"{path}: damaged, or not a weight file", fix="fetch it again") from error
    if not isinstance(state, Mapping) or not state or not all(_is_tensor(k, v) for k, v in state.items()):
        raise WeightsError(f"{path}: is not a table of named tensors", fix="use the published file of tensors")
    return dict(state)


def _read(path: Path) -> object:
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(str(error)) from error
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _is_tensor(key: object, value: object) -> bool:
    import torch

    return isinstance(key, str) and isinstance(value, torch.Tensor)


def load_strictly(module: M, state: Mapping[str, Tensor], path: Path | str) -> M:
    """Fill `module` from `state`, freeze it and put it into eval mode.

    Raises WeightsError naming the first key that is missing, unexpected, of another shape or not finite. Counters of
    batch normalisation may be missing, for files older than torch 0.4.1 have none.
    """
    own = module.state_dict()
    problem = _first_problem(own, state)
    if problem:
        fix = "use the published file, see 'eap-bench weights list'"
        raise WeightsError(f"{path}: does not fit {type(module).__name__}: {problem}", fix=fix)
    module.load_state_dict({key: state.get(key, tensor) for key, tensor in own.items()}, strict=True)
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    return module


def _first_problem(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str:
    import torch

    for key, tensor in own.items():
        if key not in state:
            if key.endswith(_COUNTER):
                continue
            return f"missing key {key!r}"
        given = state[key]
        if given.shape != tensor.shape:
            return f"key {key!r} has shape {tuple(given.shape)}, expected {tuple(tensor.shape)}"
        if given.is_floating_point() != tensor.is_floating_point():
            return f"key {key!r} is {given.dtype}, expected {tensor.dtype}"
        if given.is_floating_point() and not bool(torch.isfinite(given).all()):
            return f"key {key!r} holds numbers that are not finite"
    for key in state:
        if key not in own:
            return f"unexpected key {key!r}"
    return ""

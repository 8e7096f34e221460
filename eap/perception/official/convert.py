"""HSEmotion's published file is a pickled timm module: its tensors, without running a line of what is pickled.

    python -m eap.perception.official.convert enet_b0_8_va_mtl.pt enet_b0_8_va_mtl.safetensors

``torch.load`` reads it with ``weights_only=True``. Every class the file names that torch does not allow is replaced by
an inert stand-in: it has a name and takes attributes, and nothing of it can be called to any effect. So neither timm
nor the version of it that the file was written with is needed. A file that names anything but layers is refused.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eap.errors import EapError, WeightsError
from eap.files import atomic_write, sha256_file

if TYPE_CHECKING:
    from torch import Tensor

LAYERS = ("timm.", "torch.nn.")
"""Modules whose classes may be named; all of them become stand-ins."""
SOURCE = "source_sha256"
"""Entry of a converted file's metadata: the hash of what it was converted from."""


class Husk:
    """What stands in for an object of a class that is not loaded."""

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass


def read_pickled_module(path: Path | str) -> dict[str, Tensor]:
    """State of the EfficientNet-B0 inside a pickled module, keys as in timm, ``classifier`` as one linear layer.

    Raises WeightsError: missing, damaged, names more than layers, or another network.
    """
    path = Path(path)
    root = _unpickle(path)
    if not isinstance(root, Husk) or not type(root).__name__.endswith(".EfficientNet"):
        raise WeightsError(f"{path}: holds {_kind(root)}, not a pickled EfficientNet", fix=_FIX)
    modules = _part(root, "_modules")
    stem, norm = modules.get("conv_stem"), modules.get("bn1")
    if not _kind(stem).endswith(".Conv2dSame") or getattr(norm, "eps", None) != 1e-3:
        raise WeightsError(f"{path}: not the TensorFlow variant (SAME padding, epsilon .001)", fix=_FIX)
    state = {key.replace("classifier.0.", "classifier."): value for key, value in _state(root, "").items()}
    if not state:
        raise WeightsError(f"{path}: holds no tensors", fix=_FIX)
    return state


def convert(source: Path, target: Path) -> Path:
    """Write the tensors of ``source`` as float32 safetensors, checked against the network; returns ``target``."""
    from safetensors.torch import save

    from eap.perception.official.efficientnet import HSEmotionB0
    from eap.perception.official.loading import load_strictly

    state = read_pickled_module(source)
    load_strictly(HSEmotionB0(), state, source)
    data = save({key: tensor.contiguous() for key, tensor in state.items()}, {SOURCE: sha256_file(source)})
    with atomic_write(target) as stream:
        stream.write(data)
    return target


def source_sha256(path: Path) -> str:
    """Hash of the file a converted one was made from; of the file itself where it was not converted."""
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as opened:
                metadata = opened.metadata() or {}
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path}: not a safetensors file", fix="convert it again") from error
        if metadata.get(SOURCE):
            return str(metadata[SOURCE])
    return sha256_file(path)


def _unpickle(path: Path) -> object:
    import torch

    if not path.is_file():
        raise WeightsError(f"{path}: no such file", fix="fetch it with 'eap-bench weights fetch hsemotion-teacher'")
    try:
        named = torch.serialization.get_unsafe_globals_in_checkpoint(path)
        strange = sorted(name for name in named if not name.startswith(LAYERS))
        if strange:
            raise WeightsError(
                f"{path}: names {', '.join(strange)}: running code from a weight file is refused", fix=_FIX
            )
        husks: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
            (type(name, (Husk,), {}), name) for name in named
        ]
        with torch.serialization.safe_globals(husks):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        why = "holds more than layers and tensors, and running code from a weight file is refused"
        raise WeightsError(f"{path}: {why}", fix=_FIX) from error
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, AttributeError, IndexError, TypeError) as error:
        raise WeightsError(f"{path}: damaged, or not a weight file", fix=_FIX) from error


def _state(module: Husk, prefix: str) -> dict[str, Tensor]:
    """What ``module.state_dict()`` would have given."""
    import torch

    out: dict[str, Tensor] = {}
    silent = vars(module).get("_non_persistent_buffers_set", set())
    for part in ("_parameters", "_buffers"):
        for name, tensor in _part(module, part).items():
            if isinstance(tensor, torch.Tensor) and not (part == "_buffers" and name in silent):
                out[prefix + name] = tensor.detach()
    for name, child in _part(module, "_modules").items():
        if isinstance(child, Husk):
            out |= _state(child, f"{prefix}{name}.")
    return out


def _part(module: Husk, name: str) -> Mapping[str, Any]:
    found = vars(module).get(name, {})
    return found if isinstance(found, Mapping) else {}


def _kind(thing: object) -> str:
    return type(thing).__name__


_FIX = "use the published enet_b0_8_va_mtl.pt, see 'eap-bench weights list'"


if __name__ == "__main__":
    try:
        print(convert(Path(sys.argv[1]), Path(sys.argv[2])))
    except (IndexError, EapError) as failure:
        print(f"error: {failure if isinstance(failure, EapError) else __doc__}", file=sys.stderr)
        raise SystemExit(2) from None

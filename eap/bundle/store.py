"""Weights on disk: float16 safetensors beside one manifest, written whole, read only when their sha256 is right.

manifest.json is ``{name: {file, sha256, role, architecture, identities, seed, measured, config, ...}}``. Tensors that
are bit-identical to those of a ``base`` entry are stored there alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eap.errors import WeightsError
from eap.files import atomic_write, write_json

if TYPE_CHECKING:
    from torch import Tensor, nn

BUNDLE_DIR = Path(__file__).resolve().parent
MANIFEST = "manifest.json"
MAX_FILE_BYTES = 16 << 20
MAX_BUNDLE_BYTES = 48 << 20

Role = Literal["teacher", "evaluator", "model"]
ROLES: tuple[Role, ...] = ("teacher", "evaluator", "model")


@dataclass(frozen=True)
class WeightsMeta:
    """What is to be known about weights besides their numbers."""

    role: Role
    architecture: str
    seed: int
    identities: tuple[int, ...] = ()
    """World identities it was trained on."""
    measured: Mapping[str, float] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    """What is needed to build the module, and its recipe; JSON values only."""


@dataclass(frozen=True)
class WeightsEntry:
    """One line of the manifest."""

    name: str
    file: str
    sha256: str
    bytes: int
    meta: WeightsMeta
    base: str = ""
    """Entry that holds the tensors named in ``from_base``."""
    base_sha256: str = ""
    from_base: tuple[str, ...] = ()


def read_manifest(folder: Path | str | None = None) -> dict[str, WeightsEntry]:
    """All entries of a bundle folder (default: the project's own). Empty when it holds none yet.

    Raises WeightsError when the manifest is damaged.
    """
    path = _folder(folder) / MANIFEST
    if not path.exists():
        return {}
    try:
        lines = json.loads(path.read_text(encoding="utf-8"))
        return {name: _entry(name, line) for name, line in lines.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path}: damaged manifest ({error})", fix="restore the file") from error


def find_entry(name: str, folder: Path | str | None = None) -> WeightsEntry:
    """The manifest's entry of that name; WeightsError naming what there is when there is none."""
    entries = read_manifest(folder)
    if name not in entries:
        known = ", ".join(sorted(entries)) or "nothing"
        raise WeightsError(
            f"no weights {name!r} in {_folder(folder)} (there: {known})", fix="train them, or check the name"
        )
    return entries[name]


def save_weights(
    name: str, weights: nn.Module | Mapping[str, Tensor], meta: WeightsMeta, *, base: str = "",
    folder: Path | str | None = None, limit: int | None = MAX_FILE_BYTES,
) -> WeightsEntry:  # fmt: skip
    """Store weights as float16 (integers as they are) and enter them into the manifest, both whole or not at all.

    With ``base``, tensors equal to that entry's are left to it. ``limit`` bytes a file: the bundle's; None for weights
    that are kept elsewhere.

    Raises
    ------
    WeightsError for a bad name or role, numbers float16 cannot hold, or a file over the limit.

    """
    import safetensors.torch

    if not name or not all(c.isalnum() or c in "-_." for c in name) or name.startswith("."):
        raise WeightsError(f"{name!r} cannot name weights", fix="use letters, digits, '-', '_'")
    if meta.role not in ROLES:
        raise WeightsError(f"{name}: unknown role {meta.role!r}", fix=f"one of {', '.join(ROLES)}")
    target = _folder(folder)
    target.mkdir(parents=True, exist_ok=True)
    state = _to_half(name, weights)
    with _locked(target):
        base_sha256, shared = "", tuple[str, ...]()
        if base:
            base_sha256, shared = find_entry(base, target).sha256, _shared(state, base, target)
        kept = {key: tensor for key, tensor in state.items() if key not in set(shared)}
        data = safetensors.torch.save(kept, metadata={"name": name, "architecture": meta.architecture})
        if limit is not None and len(data) > limit:
            raise WeightsError(f"{name}: {len(data)} bytes, the limit is {limit}", fix="use a smaller network")
        file = f"{name}.safetensors"
        entry = WeightsEntry(
            name, file, hashlib.sha256(data).hexdigest(), len(data), meta, base, base_sha256, shared
        )  # fmt: skip
        try:
            with atomic_write(target / file) as stream:
                stream.write(data)
            _write_manifest(target, read_manifest(target) | {name: entry})
        except OSError as error:
            raise WeightsError(f"{target / file}: {error.strerror or error}", fix="free disk space") from error
    return entry


def load_weights(name: str, folder: Path | str | None = None) -> dict[str, Tensor]:
    """The state of an entry, floats as float32.

    Raises
    ------
    WeightsError when it is unknown, missing, damaged or not the file the manifest means.

    """
    return _load(find_entry(name, folder), _folder(folder))


def load_into(module: nn.Module, name: str, folder: Path | str | None = None) -> WeightsEntry:
    """Load an entry strictly into a module; WeightsError when they do not fit each other."""
    entry = find_entry(name, folder)
    state = _load(entry, _folder(folder))
    if type(module).__name__ != entry.meta.architecture:
        found = f"{entry.meta.architecture}, not {type(module).__name__}"
        raise WeightsError(f"weights {name!r} are for {found}", fix="choose other weights")
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise WeightsError(
            f"weights {name!r} do not fit {type(module).__name__}: {error}", fix="train again"
        ) from error
    return entry


def verify(folder: Path | str | None = None) -> list[str]:
    """What is wrong with a bundle folder, one line each; empty when all is well."""
    target, problems = _folder(folder), []
    try:
        entries = read_manifest(target)
    except WeightsError as error:
        return [str(error)]
    for entry in entries.values():
        try:
            _load(entry, target)
        except WeightsError as error:
            problems.append(str(error))
    for path in sorted(target.glob("*.safetensors")):
        if path.name not in {entry.file for entry in entries.values()}:
            problems.append(f"{path.name}: not in the manifest")
    total = sum(entry.bytes for entry in entries.values())
    if total > MAX_BUNDLE_BYTES:
        problems.append(f"the bundle is {total} bytes, the limit is {MAX_BUNDLE_BYTES}")
    pairs = [(t, e) for t in entries.values() for e in entries.values()]
    for teacher, evaluator in pairs:
        if teacher.meta.role == "teacher" and evaluator.meta.role == "evaluator":
            problems += [f"{teacher.name} and {evaluator.name}: {why}" for why in _sameness(teacher, evaluator)]
    return problems


def refuse_same(teacher: WeightsEntry, evaluator: WeightsEntry) -> None:
    """Raise WeightsError unless the two are independent: other role, weights, architecture, seed and people.

    A model that was trained against its own judge is judged by its accomplice.
    """
    if why := _sameness(teacher, evaluator):
        raise WeightsError(
            f"{teacher.name!r} cannot teach what {evaluator.name!r} judges: {'; '.join(why)}",
            fix="train the evaluator apart: other architecture, identities and seed",
        )


def _sameness(teacher: WeightsEntry, evaluator: WeightsEntry) -> list[str]:
    why = []
    if teacher.meta.role != "teacher":
        why.append(f"{teacher.name!r} is {teacher.meta.role}, not teacher")
    if evaluator.meta.role != "evaluator":
        why.append(f"{evaluator.name!r} is {evaluator.meta.role}, not evaluator")
    if teacher.sha256 == evaluator.sha256:
        why.append("same weights")
    if teacher.meta.architecture == evaluator.meta.architecture:
        why.append(f"same architecture {teacher.meta.architecture}")
    if teacher.meta.seed == evaluator.meta.seed:
        why.append(f"same seed {teacher.meta.seed}")
    if both := set(teacher.meta.identities) & set(evaluator.meta.identities):
        why.append(f"{len(both)} identities in both trainings")
    return why


def _folder(folder: Path | str | None) -> Path:
    return BUNDLE_DIR if folder is None else Path(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time: networks are fitted side by side into one folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _to_half(name: str, weights: nn.Module | Mapping[str, Tensor]) -> dict[str, Tensor]:
    import torch

    state = weights.state_dict() if isinstance(weights, torch.nn.Module) else weights
    halves: dict[str, Tensor] = {}
    for key, tensor in state.items():
        given = tensor.detach().cpu()
        stored = given.half() if given.is_floating_point() else given.clone()
        if stored.is_floating_point() and not bool(stored.isfinite().all()):
            raise WeightsError(f"{name}: {key} holds NaN, infinity or more than 65504", fix="look at the training")
        halves[key] = stored.contiguous()
    return halves


def _shared(state: Mapping[str, Tensor], base: str, folder: Path) -> tuple[str, ...]:
    """Keys whose stored form equals the base's."""
    import torch

    theirs = _to_half(base, _load(find_entry(base, folder), folder))
    return tuple(
        key
        for key, tensor in state.items()
        if key in theirs and theirs[key].dtype == tensor.dtype and torch.equal(theirs[key], tensor)
    )


def _load(entry: WeightsEntry, folder: Path) -> dict[str, Tensor]:
    import safetensors
    import safetensors.torch

    path = folder / entry.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or error}", fix="restore the file") from error
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise WeightsError(f"{path}: damaged or foreign (sha256 differs from the manifest's)", fix="restore the file")
    try:
        stored = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise WeightsError(f"{path}: not a safetensors file ({error})", fix="restore the file") from error
    if entry.base:
        below = find_entry(entry.base, folder)
        if below.sha256 != entry.base_sha256:
            raise WeightsError(f"{entry.name}: its base {entry.base!r} was replaced", fix="save both again")
        tensors = _load(below, folder)
        stored |= {key: tensors[key] for key in entry.from_base}
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in stored.items()}


def _entry(name: str, line: Mapping[str, Any]) -> WeightsEntry:
    meta = WeightsMeta(
        line["role"], line["architecture"], int(line["seed"]), tuple(line["identities"]), dict(line["measured"]),
        dict(line["config"]),
    )  # fmt: skip
    entry = WeightsEntry(name, line["file"], line["sha256"], int(line["bytes"]), meta)
    shared = tuple(line.get("from_base", ()))
    return replace(entry, base=line.get("base", ""), base_sha256=line.get("base_sha256", ""), from_base=shared)


def _write_manifest(folder: Path, entries: Mapping[str, WeightsEntry]) -> None:
    lines: dict[str, object] = {}
    for name, entry in sorted(entries.items()):
        line = {"file": entry.file, "sha256": entry.sha256, "bytes": entry.bytes, **asdict(entry.meta)}
        if entry.base:
            line |= {"base": entry.base, "base_sha256": entry.base_sha256, "from_base": list(entry.from_base)}
        lines[name] = line
    write_json(folder / MANIFEST, lines)

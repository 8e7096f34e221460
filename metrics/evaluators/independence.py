"""A model must not be judged by a network it was trained against: no evaluator's file may be a teacher's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from eap.bundle.store import read_manifest
from eap.errors import WeightsError


def teacher_problems(weights: Mapping[str, str], folder: Path | str | None = None) -> list[str]:
    """One line for each evaluator (network -> sha256 of its file) that taught a model of the bundle in `folder`.

    It did when an entry with the role teacher has the same hash, or when a model's own record names the hash (models
    trained on real faces record the hashes of the teachers they saw).
    """
    problems = []
    for name, sha256 in sorted(weights.items()):
        for entry in read_manifest(folder).values():
            if entry.meta.role == "teacher" and sha256 in (entry.sha256, entry.base_sha256):
                problems.append(f"{name}: is the teacher {entry.name!r}")
            elif entry.meta.role == "model" and sha256 in _texts(entry.meta.config):
                problems.append(f"{name}: taught the model {entry.name!r}")
    return problems


def refuse_teachers(weights: Mapping[str, str], folder: Path | str | None = None) -> None:
    """Raise WeightsError when an evaluator (network -> sha256) is a teacher."""
    if problems := teacher_problems(weights, folder):
        fix = "choose other evaluators: a model is not judged by its own teacher"
        raise WeightsError(f"a teacher cannot be an evaluator: {'; '.join(problems)}", fix=fix)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)

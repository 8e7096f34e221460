"""Perception networks by name: building, storing, loading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from torch import nn

from eap.bundle.store import Role, find_entry, load_into, read_manifest, refuse_same
from eap.errors import WeightsError
from eap.perception.audio import AudioEmotionProbe
from eap.perception.evaluators import EmotionJudge, IdentityJudge, LandmarkJudge
from eap.perception.sync import SyncJudge
from eap.perception.teachers import FaceTeacher

TEACHER: Final = "teacher"
EMOTION: Final = "judge-emotion"
LANDMARKS: Final = "judge-landmarks"
IDENTITY: Final = "judge-identity"
SYNC: Final = "judge-sync"
AUDIO: Final = "judge-audio"
EVALUATORS: Final = (EMOTION, LANDMARKS, IDENTITY, SYNC, AUDIO)

BUILD: Final[dict[str, Callable[[], nn.Module]]] = {
    TEACHER: FaceTeacher,
    EMOTION: lambda: EmotionJudge(folded=True),
    LANDMARKS: lambda: LandmarkJudge(folded=True),
    IDENTITY: lambda: IdentityJudge(folded=True),
    SYNC: SyncJudge,
    AUDIO: AudioEmotionProbe,
}
"""Networks as they are stored, by their name in the bundle."""

M = TypeVar("M", bound=nn.Module)


def role_of(name: str) -> Role:
    """'teacher' or 'evaluator'."""
    return "teacher" if name == TEACHER else "evaluator"


def load_teacher(folder: Path | str | None = None) -> FaceTeacher:
    """The bundled teacher: frozen, in eval mode, gradients reach its input. WeightsError when it cannot be loaded."""
    return _load(FaceTeacher(), TEACHER, folder)


def load_emotion_judge(folder: Path | str | None = None) -> EmotionJudge:
    """The bundled emotion judge, frozen; so for the four below."""
    return _load(EmotionJudge(folded=True), EMOTION, folder)


def load_landmark_judge(folder: Path | str | None = None) -> LandmarkJudge:
    """The bundled landmark judge."""
    return _load(LandmarkJudge(folded=True), LANDMARKS, folder)


def load_identity_judge(folder: Path | str | None = None) -> IdentityJudge:
    """The bundled identity judge."""
    return _load(IdentityJudge(folded=True), IDENTITY, folder)


def load_sync_judge(folder: Path | str | None = None) -> SyncJudge:
    """The bundled synchrony judge."""
    return _load(SyncJudge(), SYNC, folder)


def load_audio_probe(folder: Path | str | None = None) -> AudioEmotionProbe:
    """The bundled audio probe."""
    return _load(AudioEmotionProbe(), AUDIO, folder)


def check_independence(folder: Path | str | None = None) -> None:
    """WeightsError unless every bundled evaluator is independent of the teacher (where both are there)."""
    entries = read_manifest(folder)
    for name in EVALUATORS:
        if TEACHER in entries and name in entries:
            refuse_same(entries[TEACHER], entries[name])


def _load(module: M, name: str, folder: Path | str | None) -> M:
    entry = find_entry(name, folder)
    if entry.meta.role != role_of(name):
        raise WeightsError(f"weights {name!r} have the role {entry.meta.role!r}", fix="restore the bundle")
    if name != TEACHER:
        entries = read_manifest(folder)
        if TEACHER in entries:
            refuse_same(entries[TEACHER], entry)
    load_into(module, name, folder)
    module.requires_grad_(False)
    return module.eval()

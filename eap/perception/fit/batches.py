"""Batches from a training cache: split by identity, balanced over emotions, seeded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eap.constants import NEUTRAL
from eap.data.arrays import ArraySet, ClipEntry
from eap.errors import DataError


def identity_number(name: str) -> int:
    """The world's number in an identity's name: M003 -> 3. DataError when there is none."""
    found = re.search(r"\d+", name)
    if not found:
        raise DataError(f"identity {name!r} has no number", fix="name identities as MEAD does, e.g. M003")
    return int(found.group())


@dataclass(frozen=True)
class Split:
    """Clips to learn from and clips of other people to measure on."""

    train: tuple[ClipEntry, ...]
    held_out: tuple[ClipEntry, ...]

    @property
    def identities(self) -> tuple[str, ...]:
        """Everyone in `train`, sorted; the index is the class of the identity judge."""
        return tuple(sorted({clip.identity for clip in self.train}))

    @property
    def held_out_identities(self) -> tuple[str, ...]:
        """Everyone in `held_out`, sorted."""
        return tuple(sorted({clip.identity for clip in self.held_out}))


def split_by_identity(arrays: ArraySet, share: float = 0.12, seed: int = 0, *, emotions: bool = True) -> Split:
    """Hold out `share` of the people (2 at least). With `emotions`, clips of unknown emotion are left out.

    Raises
    ------
    DataError when fewer than 4 people remain.

    """
    clips = [clip for clip in arrays.clips if clip.length >= 5 and (clip.emotion >= 0 or not emotions)]
    people = sorted({clip.identity for clip in clips})
    if len(people) < 4:
        raise DataError(f"{arrays.root}: {len(people)} usable identities, need 4", fix="build a larger set")
    order = np.random.default_rng(seed).permutation(len(people))
    kept_back = {people[i] for i in order[: max(2, round(share * len(people)))]}
    return Split(
        tuple(clip for clip in clips if clip.identity not in kept_back),
        tuple(clip for clip in clips if clip.identity in kept_back),
    )


@dataclass(frozen=True)
class FrameBatch:
    """N frames with their truth."""

    images: Tensor
    """(N,3,S,S) in [0,1]."""
    landmarks: Tensor
    """(N,68,2) in 0..1."""
    emotion: Tensor
    """(N,) class index."""
    affect: Tensor
    """(N,3) alpha, valence, arousal."""
    person: Tensor
    """(N,) index into the split's identities (-1: not among them)."""


class FrameSampler:
    """Draws frames: emotion first, so that all count the same, then person, clip and frame."""

    def __init__(self, arrays: ArraySet, clips: Sequence[ClipEntry], people: Sequence[str], seed: int) -> None:
        self.arrays = arrays
        self.person = {name: i for i, name in enumerate(people)}
        self.rng = np.random.default_rng([seed, 101])
        self.by_emotion: list[list[ClipEntry]] = [
            [clip for clip in clips if clip.emotion == emotion] for emotion in sorted({clip.emotion for clip in clips})
        ]

    def draw(self, n: int) -> FrameBatch:
        """N random frames."""
        picks: list[tuple[ClipEntry, int]] = []
        for _ in range(n):
            clips = self.by_emotion[self.rng.integers(len(self.by_emotion))]
            clip = clips[self.rng.integers(len(clips))]
            picks.append((clip, int(self.rng.integers(clip.length))))
        return read_frames(self.arrays, picks, self.person)


def read_frames(arrays: ArraySet, picks: Sequence[tuple[ClipEntry, int]], person: dict[str, int]) -> FrameBatch:
    """The picked (clip, frame) pairs as a batch."""
    size = arrays.size
    frames = np.empty((len(picks), size, size, 3), np.uint8)
    landmarks = np.empty((len(picks), 68, 2), np.float32)
    affect = np.empty((len(picks), 3), np.float32)
    for i, (clip, frame) in enumerate(picks):
        frames[i] = arrays.frames(clip, frame)
        truth = arrays.truth(clip, [frame])
        landmarks[i], affect[i] = truth.landmarks[0], truth.affect[0]
    emotion = np.array([clip.emotion for clip, _ in picks])
    return FrameBatch(
        to_images(frames),
        torch.from_numpy(landmarks),
        torch.from_numpy(emotion),
        torch.from_numpy(affect),
        torch.tensor([person.get(clip.identity, -1) for clip, _ in picks]),
    )


def to_images(frames: NDArray[np.uint8]) -> Tensor:
    """uint8 (N,H,W,3) -> float (N,3,H,W) in [0,1]."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255


def spread(clips: Sequence[ClipEntry], per_clip: int, limit: int, seed: int = 0) -> list[tuple[ClipEntry, int]]:
    """Evenly spaced frames of up to `limit / per_clip` clips (a seeded choice where there are more)."""
    wanted = max(1, limit // per_clip)
    order = np.random.default_rng([seed, 7]).permutation(len(clips))[:wanted]
    picks: list[tuple[ClipEntry, int]] = []
    for i in sorted(order.tolist()):
        clip = clips[i]
        picks += [(clip, int(f)) for f in np.linspace(0, clip.length - 1, per_clip).round()]
    return picks


def in_batches(
    arrays: ArraySet, picks: Sequence[tuple[ClipEntry, int]], person: dict[str, int] | None = None, size: int = 64
) -> Iterator[FrameBatch]:
    """`picks` in their order, `size` at a time."""
    for start in range(0, len(picks), size):
        yield read_frames(arrays, picks[start : start + size], person or {})


def visible_emotion_weight(emotion: Tensor, alpha: Tensor) -> Tensor:
    """(N,) weight of a frame in the emotion loss: 0 (alpha <= .15) to 1 (alpha >= .4); neutral frames 1.

    A frame of an angry clip while alpha is near 0 looks neutral. As an example of anger it would teach noise, and there
    are seven such emotions to one neutral: with any weight at all, hardly a frame would ever be called neutral.
    """
    weight = ((alpha - 0.15) / 0.25).clamp(0, 1)
    return torch.where(emotion == NEUTRAL, torch.ones_like(weight), weight)


@dataclass(frozen=True)
class ClipBatch:
    """B equally long segments."""

    images: Tensor
    """(B,T,3,S,S) in [0,1]; T = 0 when no frames were asked for."""
    mel: Tensor
    """(B,4T,80)."""
    emotion: Tensor
    """(B,) class index."""
    affect: Tensor
    """(B,T,3) alpha, valence, arousal."""
    landmarks: Tensor
    """(B,T,68,2) in 0..1."""


def read_segments(
    arrays: ArraySet, picks: Sequence[tuple[ClipEntry, int]], length: int, *, images: bool = True
) -> ClipBatch:
    """Segments of `length` frames from (clip, first frame) pairs."""
    size = arrays.size
    frames = [arrays.frames(clip, slice(t, t + length)) for clip, t in picks] if images else []
    mel = np.stack([arrays.mel(clip, t, t + length) for clip, t in picks])
    truths = [arrays.truth(clip, slice(t, t + length)) for clip, t in picks]
    shown = to_images(np.concatenate(frames)) if images else torch.empty(0, 3, size, size)
    return ClipBatch(
        shown.reshape(len(picks), length if images else 0, 3, size, size),
        torch.from_numpy(mel),
        torch.tensor([clip.emotion for clip, _ in picks]),
        torch.from_numpy(np.stack([truth.affect for truth in truths])),
        torch.from_numpy(np.stack([truth.landmarks for truth in truths])),
    )

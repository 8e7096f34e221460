"""What one step sees. Stateless: the batch of step k depends on (seed, k) alone, so a resumed run sees the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eap.constants import EMOTIONS, NEUTRAL
from eap.data.arrays import ArraySet, ClipEntry
from eap.errors import DataError
from eap.training.pose import frames_in_pose, landmarks_in_pose, pose_maps
from eap.training.recipes import Recipe

_T = TypeVar("_T")

NEUTRAL_SHARE = 0.5
"""Part of the references of policy ``any`` that are neutral frames; the others show one of the seven emotions."""
METRIC_CLIPS = 2
"""Clips of a batch that bring negatives for Eq. 3: each costs eight more images through E_I."""


@dataclass(frozen=True)
class Batch:
    """image (B,3,S,S), mel (B,4T,80), picks (B,K), target (B,K,3,S,S), emotion (B,) of the driving audio.

    Targets and landmarks are in the reference image's head pose (``eap.training.pose``). Steps that train the voice
    alone have no target. negatives (n,7,3,S,S): one frame of each other emotion of the first n clips' identities, for
    Eq. 3; None outside `neutralize`. landmarks (B,T,68,2) and image_landmarks (B,68,2): the prepared data's landmarks,
    in units of the side, for the auxiliary heads. va (B,T,2): pseudo labels of F for every frame of the window, zeros
    where a phase has none.
    """

    image: Tensor
    mel: Tensor
    picks: Tensor
    target: Tensor | None
    emotion: Tensor
    negatives: Tensor | None
    landmarks: Tensor
    image_landmarks: Tensor
    va: Tensor
    names: tuple[str, ...] = ()
    """Per row: the driving clip, where its window begins, and the reference's clip and frame."""


class _Row(NamedTuple):
    reference: NDArray[np.uint8]
    mel: NDArray[np.float32]
    picks: NDArray[np.int64]
    target: NDArray[np.uint8] | None
    pose: NDArray[np.float32]
    emotion: int
    negatives: tuple[NDArray[np.uint8], NDArray[np.float32]] | None
    landmarks: NDArray[np.float32]
    image_landmarks: NDArray[np.float32]
    va: NDArray[np.float32]
    name: str


class Batches:
    """Draws batches by a recipe's phase and reference-image policy."""

    def __init__(self, arrays: ArraySet, recipe: Recipe, va: NDArray[np.float32] | None = None) -> None:
        """``va`` (F,2): pseudo labels of every frame of ``arrays``; needed by phases that read intensity."""
        self.arrays, self.recipe, self.va = arrays, recipe, va
        wild = recipe.phase == "wild"
        clips = [c for c in arrays.clips if c.length > recipe.window and (wild or c.emotion >= 0)]
        if not clips:
            raise DataError(
                f"{arrays.root}: no clip of more than {recipe.window} frames for phase {recipe.phase!r}",
                fix="build longer clips or shorten the recipe's window",
            )
        self.clips = clips
        self.by_emotion: dict[int, list[ClipEntry]] = {}
        self.by_pair: dict[tuple[str, int], list[ClipEntry]] = {}
        for clip in clips:
            self.by_emotion.setdefault(clip.emotion, []).append(clip)
            self.by_pair.setdefault((clip.identity, clip.emotion), []).append(clip)
        if not wild:
            self._require_all_emotions()

    def draw(self, step: int, micro: int = 0) -> Batch:
        """Micro-batch ``micro`` of one step; steps that train the voice alone have ``voice_batch`` rows."""
        # The first has the seed it always had: a training of one micro-batch sees what it saw before there were more.
        rng = np.random.default_rng([self.recipe.seed, step, *([micro] if micro else [])])
        voice = step < self.recipe.voice_steps
        rows = [
            self._row(rng, slot, frames=not voice)
            for slot in range(self.recipe.voice_batch if voice else self.recipe.batch)
        ]
        return Batch(
            image=_images(np.stack([row.reference for row in rows])),
            mel=torch.from_numpy(np.stack([row.mel for row in rows])),
            picks=torch.from_numpy(np.stack([row.picks for row in rows])),
            target=_in_pose([(row.target, row.pose) for row in rows if row.target is not None]),
            emotion=torch.tensor([row.emotion for row in rows]),
            negatives=_in_pose([row.negatives for row in rows if row.negatives is not None]),
            landmarks=torch.from_numpy(np.stack([row.landmarks for row in rows])),
            image_landmarks=torch.from_numpy(np.stack([row.image_landmarks for row in rows])),
            va=torch.from_numpy(np.stack([row.va for row in rows])),
            names=tuple(row.name for row in rows),
        )

    def _row(self, rng: np.random.Generator, slot: int, *, frames: bool) -> _Row:
        recipe, arrays = self.recipe, self.arrays
        clip = self._driving(rng, slot)
        t0 = int(rng.integers(0, clip.length - recipe.window + 1))
        picks = np.sort(rng.choice(recipe.window, recipe.picks, replace=False)).astype(np.int64)
        source, frame = self._reference(rng, clip, picks + t0)
        window = slice(t0, t0 + recipe.window)
        mel = arrays.mel(clip, t0, t0 + recipe.window)
        image_landmarks = arrays.truth(source, [frame]).landmarks[0]
        landmarks = arrays.truth(clip, window).landmarks
        maps = pose_maps(image_landmarks, landmarks)
        metric = frames and bool(recipe.weights.metric) and slot < METRIC_CLIPS
        return _Row(
            reference=arrays.frames(source, frame),
            mel=mel,
            picks=picks,
            target=arrays.frames(clip, picks + t0) if frames else None,
            pose=maps[picks],
            emotion=clip.emotion,
            negatives=self._negatives(rng, clip, image_landmarks) if metric else None,
            landmarks=landmarks_in_pose(landmarks, maps),
            image_landmarks=image_landmarks,
            va=self._labels(clip, window),
            name=f"{clip.id} from frame {t0}, reference {source.id} frame {frame}",
        )

    def _labels(self, clip: ClipEntry, window: slice) -> NDArray[np.float32]:
        if self.va is None:
            return np.zeros((self.recipe.window, 2), np.float32)
        return np.asarray(self.va[clip.start + window.start : clip.start + window.stop], np.float32)

    def _driving(self, rng: np.random.Generator, slot: int) -> ClipEntry:
        """The clip whose audio drives and whose frames are the target."""
        if self.recipe.phase == "wild":
            return _choose(rng, self.clips)
        if self.recipe.phase == "neutralize":
            return _choose(rng, self.by_emotion[NEUTRAL])
        # Every class in every batch: a starved branch of D_E learns nothing.
        return _choose(rng, self.by_emotion[slot % len(EMOTIONS)])

    def _reference(self, rng: np.random.Generator, clip: ClipEntry, used: NDArray[np.int64]) -> tuple[ClipEntry, int]:
        """One frame of the identity by the policy, never a target frame itself: copying must not win."""
        policy = self.recipe.reference
        if policy == "same-clip":
            free = np.setdiff1d(np.arange(clip.length), used)
            return clip, int(rng.choice(free))
        if policy == "neutral" or (policy == "any" and rng.random() < NEUTRAL_SHARE):
            other = self._other(rng, self.by_pair[clip.identity, NEUTRAL], clip)
        else:
            emotion = _choose(rng, [e for e in range(len(EMOTIONS)) if e != NEUTRAL])
            other = _choose(rng, self.by_pair[clip.identity, emotion])
        return other, int(rng.integers(other.length))

    def _other(self, rng: np.random.Generator, pool: list[ClipEntry], clip: ClipEntry) -> ClipEntry:
        others = [c for c in pool if c.id != clip.id]
        return _choose(rng, others or pool)

    def _negatives(
        self, rng: np.random.Generator, clip: ClipEntry, reference: NDArray[np.float32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """One frame of each other emotion of the identity, of the same sentence where there is one, and their poses.

        Pose is taken out of them as out of the target: else it alone would tell the positive from the negatives.
        """
        frames, maps = [], []
        for emotion in range(len(EMOTIONS)):
            if emotion == clip.emotion:
                continue
            pool = self.by_pair[clip.identity, emotion]
            same = [c for c in pool if c.sentence == clip.sentence]
            chosen = _choose(rng, same or pool)
            frame = int(rng.integers(chosen.length))
            frames.append(self.arrays.frames(chosen, frame))
            maps.append(pose_maps(reference, self.arrays.truth(chosen, [frame]).landmarks)[0])
        return np.stack(frames), np.stack(maps)

    def _require_all_emotions(self) -> None:
        """Phases 2 and 3 need every identity with all 8 emotions; name the first that lacks one."""
        for identity in sorted({c.identity for c in self.clips}):
            for index, emotion in enumerate(EMOTIONS):
                if (identity, index) not in self.by_pair:
                    raise DataError(
                        f"{self.arrays.root}: identity {identity} has no {emotion} clip", fix="add one or drop it"
                    )


def _choose(rng: np.random.Generator, pool: list[_T]) -> _T:
    return pool[int(rng.integers(len(pool)))]


def _in_pose(rows: list[tuple[NDArray[np.uint8], NDArray[np.float32]]]) -> Tensor | None:
    """Frames (B,K,3,S,S) of all rows in their references' poses; None where the step has none."""
    if not rows:
        return None
    frames = _images(np.stack([frames for frames, _ in rows]))
    maps = torch.from_numpy(np.stack([maps for _, maps in rows]))
    return frames_in_pose(frames.flatten(0, 1), maps.flatten(0, 1)).view_as(frames)


def _images(frames: NDArray[np.uint8]) -> Tensor:
    """uint8 (...,H,W,3) -> float (...,3,H,W) in [0,1]."""
    return torch.from_numpy(frames).movedim(-1, -3).float().div_(255)

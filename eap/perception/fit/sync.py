"""Fit the synchrony judge by contrast: a moment against other moments of its clip and against other clips."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eap.data.arrays import ArraySet, ClipEntry
from eap.errors import DataError
from eap.perception.fit.augment import Damage, augment
from eap.perception.fit.batches import read_segments, split_by_identity
from eap.perception.fit.loop import Budget, FitReport, fit_module, seed_all
from eap.perception.layers import count_macs, count_parameters
from eap.perception.sync import MAX_SHIFT, WINDOW, SyncJudge, score_sync

CLIPS = 8
SEGMENT = 20
"""Frames per segment: 16 windows, so that negatives lie 1-15 frames away, as in the offset search."""


def contrastive_loss(video: Tensor, audio: Tensor, log_temperature: Tensor) -> Tensor:
    """InfoNCE both ways over all windows of the batch, plus the same within each clip (hard negatives).

    `video`, `audio`: unit vectors (B,N,D); window n of clip b belongs to window n of clip b.
    """
    scale = log_temperature.clamp(0, 4).exp()
    b, n, d = video.shape
    everything = scale * video.reshape(b * n, d) @ audio.reshape(b * n, d).T
    own = torch.arange(b * n)
    loss = F.cross_entropy(everything, own) + F.cross_entropy(everything.T, own)
    within = scale * video @ audio.transpose(1, 2)
    own = torch.arange(n).repeat(b)
    hard = F.cross_entropy(within.flatten(0, 1), own)
    hard = hard + F.cross_entropy(within.transpose(1, 2).flatten(0, 1), own)
    return 0.5 * (0.5 * loss + hard)


def mouth_course(landmarks: Tensor) -> Tensor:
    """(B,T,68,2) -> (B,T-4,15): inner gap, outer height and width of the mouth in each window's five frames.

    Departures from the segment's mean (a voice does not tell how large a mouth is), scaled to about 1.
    """
    gap = (landmarks[:, :, [65, 66, 67], 1] - landmarks[:, :, [63, 62, 61], 1]).mean(2)
    height = landmarks[:, :, 57, 1] - landmarks[:, :, 51, 1]
    width = landmarks[:, :, 54, 0] - landmarks[:, :, 48, 0]
    course = torch.stack([gap, height, width], -1)
    course = (course - course.mean(1, keepdim=True)) * torch.tensor([40.0, 40.0, 60.0])
    return course.unfold(1, WINDOW, 1).flatten(2)


def fit_sync_judge(arrays: ArraySet, budget: Budget, seed: int = 14) -> tuple[SyncJudge, FitReport]:
    """Fit the synchrony judge. Measured: see `measure_sync`. Needs clips of 20 frames or more."""
    generator = seed_all(seed, budget.threads)
    split = split_by_identity(arrays, seed=seed, emotions=False)
    clips = [clip for clip in split.train if clip.length >= SEGMENT]
    if len(clips) < CLIPS:
        raise DataError(f"{arrays.root}: {len(clips)} clips of {SEGMENT} frames, need {CLIPS}", fix="use longer clips")
    rng = np.random.default_rng([seed, 103])
    # One linear reading of the mouth's movement for both towers: contrast alone takes long to find what they share.
    # Its share shrinks as contrast takes hold, and it is thrown away.
    shared = nn.Linear(128, 3 * WINDOW)
    done = 0
    damage = Damage(light=0.15, blur=0.25, noise=0.2, coding=0.25)

    def step(net: SyncJudge) -> Tensor:
        nonlocal done
        done += 1
        chosen = [clips[i] for i in rng.integers(len(clips), size=CLIPS)]
        batch = read_segments(arrays, [(c, int(rng.integers(c.length - SEGMENT + 1))) for c in chosen], SEGMENT)
        images, _ = augment(batch.images.flatten(0, 1), None, damage, generator, repeat=SEGMENT)
        mel = batch.mel + (2 * torch.rand(CLIPS, 1, 1, generator=generator) - 1) * 0.5
        mel = mel + 0.15 * torch.randn(mel.shape, generator=generator)
        video, audio = net(images.reshape(batch.images.shape), mel.clamp(-4, 4))
        course = mouth_course(batch.landmarks)
        read = F.smooth_l1_loss(shared(8 * video), course) + F.smooth_l1_loss(shared(8 * audio), course)
        return contrastive_loss(video, audio, net.log_temperature) + 2 * read * max(0.1, 1 - done / 2000)

    net, steps, seconds = fit_module(SyncJudge(), step, budget, lr=2e-3, weight_decay=0.05, name="sync", extra=shared)
    macs = count_macs(net, torch.zeros(1, 20, 3, 96, 96), torch.zeros(1, 80, 80)) // 20
    measured = measure_sync(net, arrays, split.held_out)
    report = FitReport(
        "sync", "SyncJudge", seed, round(seconds, 1), steps, steps * CLIPS * SEGMENT, count_parameters(net), macs,
        split.identities, split.held_out_identities, {key: round(value, 4) for key, value in measured.items()},
    )  # fmt: skip
    return net, report


@torch.no_grad()
def measure_sync(net: SyncJudge, arrays: ArraySet, clips: tuple[ClipEntry, ...], limit: int = 60) -> dict[str, float]:
    """Held-out synchrony figures of up to `limit` whole clips.

    offset_exact, offset_within_1: share of clips whose offset is found (true sound: 0).
    shifted_within_1: the same with the sound moved by a known -8..8 frames.
    lse_d, lse_c: mean distance and confidence of true sound; foreign_lse_d, foreign_lse_c: of another clip's sound.
    """
    usable = [clip for clip in clips if clip.length >= 2 * MAX_SHIFT]
    order = np.random.default_rng(5).permutation(len(usable))[:limit]
    shifts = np.random.default_rng(6).integers(-8, 9, size=len(order))
    pairs = []
    for i in order:
        clip = usable[int(i)]
        batch = read_segments(arrays, [(clip, 0)], clip.length)
        video, audio = net(batch.images, batch.mel)
        pairs.append((video[0], audio[0]))
    if len(pairs) < 2:
        return {}
    true = [score_sync(video, audio) for video, audio in pairs]
    foreign = [score_sync(video, pairs[(i + 1) % len(pairs)][1]) for i, (video, _) in enumerate(pairs)]
    moved = [
        abs(score_sync(video, audio.roll(int(shift), 0)).offset - shift) <= 1
        for (video, audio), shift in zip(pairs, shifts, strict=True)
    ]
    return {
        "offset_exact": float(np.mean([score.offset == 0 for score in true])),
        "offset_within_1": float(np.mean([abs(score.offset) <= 1 for score in true])),
        "shifted_within_1": float(np.mean(moved)),
        "lse_d": float(np.mean([score.distance for score in true])),
        "lse_c": float(np.mean([score.confidence for score in true])),
        "foreign_lse_d": float(np.mean([score.distance for score in foreign])),
        "foreign_lse_c": float(np.mean([score.confidence for score in foreign])),
    }

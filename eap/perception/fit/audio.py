"""Fit the audio probe: how much of emotion and its course can be heard at all."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from eap.constants import NEUTRAL
from eap.data.arrays import ArraySet, ClipEntry
from eap.errors import DataError
from eap.perception.audio import AudioEmotionProbe
from eap.perception.fit.batches import read_segments, split_by_identity
from eap.perception.fit.loop import Budget, FitReport, fit_module, seed_all
from eap.perception.fit.measures import pcc, within_clips_pcc
from eap.perception.layers import count_macs, count_parameters

CLIPS = 24
LONGEST = 75
SHORTEST = 25


def fit_audio_probe(arrays: ArraySet, budget: Budget, seed: int = 15) -> tuple[AudioEmotionProbe, FitReport]:
    """Fit the audio probe on segments of 1-3 s.

    Measured on whole held-out clips: emotion_accuracy, emotion_accuracy_level_3, alpha_pcc (all frames),
    alpha_pcc_non_neutral, alpha_pcc_within_clip, alpha_rmse.
    """
    generator = seed_all(seed, budget.threads)
    split = split_by_identity(arrays, seed=seed)
    clips = [clip for clip in split.train if clip.length >= SHORTEST]
    groups = [[clip for clip in clips if clip.emotion == emotion] for emotion in sorted({c.emotion for c in clips})]
    if not groups:
        raise DataError(f"{arrays.root}: no clip of {SHORTEST} frames", fix="use longer clips")
    rng = np.random.default_rng([seed, 105])

    def step(net: AudioEmotionProbe) -> Tensor:
        chosen = [groups[g][rng.integers(len(groups[g]))] for g in rng.integers(len(groups), size=CLIPS)]
        length = min(LONGEST, *(clip.length for clip in chosen))
        picks = [(clip, int(rng.integers(clip.length - length + 1))) for clip in chosen]
        batch = read_segments(arrays, picks, length, images=False)
        heard = net(_damage_mel(batch.mel, generator))
        alpha = batch.affect[..., 0]
        known = alpha.isfinite()
        course = F.smooth_l1_loss(heard.alpha[known], alpha[known], beta=0.2) if bool(known.any()) else 0.0
        return F.cross_entropy(heard.logits, batch.emotion, label_smoothing=0.05) + 3 * course

    net, steps, seconds = fit_module(AudioEmotionProbe(), step, budget, lr=2e-3, weight_decay=0.05, name="audio")
    macs = count_macs(net, torch.zeros(1, 4 * LONGEST, 80)) // LONGEST
    measured = measure_audio(net, arrays, split.held_out)
    report = FitReport(
        "audio", "AudioEmotionProbe", seed, round(seconds, 1), steps, steps * CLIPS, count_parameters(net), macs,
        split.identities, split.held_out_identities, {key: round(value, 4) for key, value in measured.items()},
    )  # fmt: skip
    return net, report


def _damage_mel(mel: Tensor, generator: torch.Generator) -> Tensor:
    """Other loudness, noise, and one masked band (SpecAugment, Park et al. 2019) per clip."""
    mel = mel + (2 * torch.rand(len(mel), 1, 1, generator=generator) - 1) * 0.3
    mel = mel + 0.15 * torch.randn(mel.shape, generator=generator)
    first = torch.randint(0, 72, (len(mel), 1, 1), generator=generator)
    width = torch.randint(0, 9, (len(mel), 1, 1), generator=generator)
    band = torch.arange(mel.shape[2])[None, None]
    return mel.masked_fill((band >= first) & (band < first + width), 0.0).clamp(-4, 4)


@torch.no_grad()
def measure_audio(net: AudioEmotionProbe, arrays: ArraySet, clips: tuple[ClipEntry, ...]) -> dict[str, float]:
    """The figures named in `fit_audio_probe`."""
    right, level, alpha, truth, number, neutral = [], [], [], [], [], []
    for i, clip in enumerate(clips):
        batch = read_segments(arrays, [(clip, 0)], clip.length, images=False)
        heard = net(batch.mel)
        right.append(int(heard.logits.argmax()) == clip.emotion)
        level.append(clip.level)
        alpha.append(heard.alpha[0].double().numpy())
        truth.append(batch.affect[0, :, 0].double().numpy())
        number.append(np.full(clip.length, i))
        neutral.append(np.full(clip.length, clip.emotion == NEUTRAL))
    known = np.isfinite(np.concatenate(truth))
    found, true = np.concatenate(alpha)[known], np.concatenate(truth)[known]
    clip_of, calm = np.concatenate(number)[known], np.concatenate(neutral)[known]
    strong = [hit for hit, k in zip(right, level, strict=True) if k == 3]
    return {
        "emotion_accuracy": float(np.mean(right)),
        "emotion_accuracy_level_3": float(np.mean(strong)) if strong else float("nan"),
        "alpha_pcc": pcc(found, true),
        "alpha_pcc_non_neutral": pcc(found[~calm], true[~calm]),
        "alpha_pcc_within_clip": within_clips_pcc(found, true, clip_of),
        "alpha_rmse": float(np.sqrt(((found - true) ** 2).mean())),
    }

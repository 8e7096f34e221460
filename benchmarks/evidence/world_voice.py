"""What the embedded world's voices tell: emotion, intensity, speaker, and what single cues or artefacts would tell.

One small network is trained from nothing on each set of features and tested on speakers it never heard: the whole
voice (log mel), loudness alone, F0 alone (the generator's own, which flatters it). Linear probes of what must not tell
the emotion (silence at both ends, its noise, clipping) and of single cues stand beside it. Speakers are told apart by a
linear discriminant learnt on other people. Sound and truth only; no picture is drawn. About 3 minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.voice_probes import artefacts, speakers, speed, spread
from eap.acoustics import log_mel
from eap.constants import EMOTIONS, N_MELS
from eap.synth.clip import ClipSpec, Utterance, utter

_LENGTH = 88  # frames every clip is padded to
_FIRST_TRAIN, _FIRST_TEST = 10_000, 20_000  # no other part of the project uses these people


@dataclass(frozen=True)
class Sample:
    """One clip: mel (4T, 80) of the sound, the utterance's truth and its class."""

    spec: ClipSpec
    said: Utterance
    mel: np.ndarray
    label: int


Features = Callable[[Sample], np.ndarray]


def whole(sample: Sample) -> np.ndarray:
    """(T, 320): the four mel rows of each frame."""
    return sample.mel.reshape(-1, 4 * N_MELS) / 4


def loudness(sample: Sample) -> np.ndarray:
    """(T, 4): level in dB of each quarter frame."""
    power = np.square(sample.said.audio.reshape(-1, 4, 160)).mean(axis=2)
    return np.asarray((10 * np.log10(power + 1e-9) + 40) / 20)


def pitch(sample: Sample) -> np.ndarray:
    """(T, 2): octaves from 150 Hz where voiced, and whether it is."""
    voiced = sample.said.f0 > 0
    return np.stack([np.where(voiced, np.log2(np.maximum(sample.said.f0, 50) / 150), 0), voiced], axis=1)


FEATURES: dict[str, Features] = {"whole": whole, "loudness": loudness, "f0": pitch}


def record(first: int, people: int, levels: tuple[int, ...], neutral: int) -> list[Sample]:
    """A speaker says one sentence per entry of ``levels``, the same in every emotion; ``neutral`` clips without any."""
    samples = []
    for person in range(first, first + people):
        said = np.random.default_rng([person, 5]).choice(200, 8, replace=False)
        for emotion in EMOTIONS:
            repeats = neutral if emotion == "neutral" else len(levels)
            for turn in range(repeats):
                level = 1 if emotion == "neutral" else levels[turn]
                spec = ClipSpec(person, emotion, level, int(said[turn % len(said)]))
                heard = utter(spec)
                samples.append(Sample(spec, heard, log_mel(heard.audio), EMOTIONS.index(emotion)))
    return samples


class Listener(nn.Module):
    """Per-frame encoder, convolutions in time, a bidirectional GRU, emotion by attention, alpha per frame."""

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(channels, width), nn.LayerNorm(width), nn.ReLU(), nn.Dropout(0.2))
        self.time = nn.Sequential(nn.Conv1d(width, width, 5, padding=2), nn.ReLU(), nn.Dropout(0.2))
        self.context = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.weight = nn.Linear(2 * width, 1)
        self.emotion = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * width, len(EMOTIONS)))
        self.alpha = nn.Linear(2 * width, 1)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (N, L, C), mask (N, L) -> logits (N, 8), alpha (N, L)."""
        each = self.encode(x)
        each = each + self.time(each.transpose(1, 2)).transpose(1, 2)
        each, _ = self.context(each)
        share = self.weight(each)[..., 0].masked_fill(~mask, -1e4).softmax(1)
        return self.emotion((each * share[..., None]).sum(1)), self.alpha(each)[..., 0]


@dataclass(frozen=True)
class _Batchable:
    x: Tensor
    mask: Tensor
    alpha: Tensor
    label: Tensor


def _packed(samples: list[Sample], features: Features) -> _Batchable:
    channels = features(samples[0]).shape[1]
    x = torch.zeros(len(samples), _LENGTH, channels)
    mask = torch.zeros(len(samples), _LENGTH, dtype=torch.bool)
    alpha = torch.zeros(len(samples), _LENGTH)
    for row, sample in enumerate(samples):
        values = torch.from_numpy(features(sample).astype(np.float32))[:_LENGTH]
        n = len(values)
        x[row, :n], mask[row, :n] = values, True
        alpha[row, :n] = torch.from_numpy(sample.said.alpha[:n])
    return _Batchable(x, mask, alpha, torch.tensor([sample.label for sample in samples]))


def train(data: _Batchable, epochs: int, seed: int) -> Listener:
    """Cross-entropy of the emotion + squared error of alpha; one-cycle AdamW; the last epoch counts."""
    torch.manual_seed(seed)
    net = Listener(data.x.shape[2])
    steps = epochs * (len(data.x) // 32)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 1)
    for _ in range(epochs):
        order = torch.randperm(len(data.x))
        for rows in torch.split(order[: len(order) // 32 * 32], 32):
            logits, alpha = net(data.x[rows], data.mask[rows])
            error = (alpha - data.alpha[rows]).square()[data.mask[rows]].mean()
            loss = F.cross_entropy(logits, data.label[rows], label_smoothing=0.05) + 8 * error
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net.eval()


def examine(net: Listener, data: _Batchable, samples: list[Sample]) -> Figures:
    """Clip accuracy at levels 2-3 (and neutral), per level and emotion, confusion; alpha's Pearson r."""
    with torch.no_grad():
        logits, alpha = net(data.x, data.mask)
    guess, truth = logits.argmax(1).numpy(), data.label.numpy()
    right = guess == truth
    levels = np.array([sample.spec.level for sample in samples])
    neutral = truth == EMOTIONS.index("neutral")
    strong = (levels >= 2) | neutral
    confusion = np.zeros((8, 8), int)
    np.add.at(confusion, (truth[strong], guess[strong]), 1)
    mask = data.mask.numpy()
    moving = mask & ~neutral[:, None]
    within = [
        np.corrcoef(alpha[i].numpy()[mask[i]], data.alpha[i].numpy()[mask[i]])[0, 1] for i in np.flatnonzero(~neutral)
    ]
    return {
        "accuracy_levels_2_3": float(right[strong].mean()),
        "accuracy_by_level": {str(k): float(right[(levels == k) & ~neutral].mean()) for k in (1, 2, 3)},
        "accuracy_by_emotion": {
            name: float(right[strong & (truth == index)].mean()) for index, name in enumerate(EMOTIONS)
        },
        "confusion_levels_2_3": confusion.tolist(),
        "alpha_r": float(np.corrcoef(alpha.numpy()[mask], data.alpha.numpy()[mask])[0, 1]),
        "alpha_r_without_neutral": float(np.corrcoef(alpha.numpy()[moving], data.alpha.numpy()[moving])[0, 1]),
        "alpha_r_within_clip": float(np.nanmean(within)),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--train", type=int, default=40, help="speakers trained on (default 40)")
    parser.add_argument("--test", type=int, default=16, help="speakers tested on (default 16)")
    parser.add_argument("--epochs", type=int, default=14, help="passes over the training clips (default 14)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the networks (default 0)")


def measure(args: argparse.Namespace) -> Figures:
    """All figures of this script."""
    known = record(_FIRST_TRAIN, args.train, (1, 2, 3, 2, 3), 3)
    unknown = record(_FIRST_TEST, args.test, (1, 2, 3), 2)
    listeners = {}
    for name, features in FEATURES.items():
        data = _packed(unknown, features)
        listeners[name] = examine(train(_packed(known, features), args.epochs, args.seed), data, unknown)
    told = [sample.said for sample in known]
    return {
        "world": "the embedded world (synthetic voices)",
        "clips": {"train": len(known), "test": len(unknown)},
        "emotions": list(EMOTIONS),
        "listeners": listeners,
        "artefacts": artefacts(told, [sample.said for sample in unknown]),
        "alpha_std_within_clip": spread(told),
        "speakers_apart": speakers(),
        "times_real_time": speed(),
    }


if __name__ == "__main__":
    main("world_voice", __doc__, measure, options)

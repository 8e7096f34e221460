"""What the embedded world's voices tell: emotion, intensity, speaker, and what single cues or artefacts would tell.

One network (the architecture of the bundled probe) is trained from nothing on each picture of the sound and tested on
speakers it never heard:

whole      the log mel spectrogram
loudness   the level of each 40 ms, the same in all bands
envelope   the level of each 10 ms: roughness, laughter and trembling show in it, so it is more than loudness
f0         a line at F0 where voiced (the generator's own F0, which flatters it)

Linear probes of what must not tell the emotion (silence at both ends, its noise, clipping) and of single numbers stand
beside it. Speakers are told apart by a linear discriminant learnt on other people. Sound and truth only; no picture is
drawn. About 7 minutes on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.voice_probes import artefacts, speakers, speed, spread
from eap.acoustics import log_mel
from eap.constants import EMOTIONS, N_MELS
from eap.perception.audio import AudioEmotionProbe
from eap.synth.clip import ClipSpec, Utterance, utter

_BATCH, _CROP = 24, 50  # clips and frames of a training step
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
    """(4T, 80): the log mel spectrogram."""
    return sample.mel


def _level(sample: Sample, rows: int) -> np.ndarray:
    """(4T, 80): level of each 1/25/rows second, -80..0 dB on -4..4, the same in all bands and rows of it."""
    power = np.square(sample.said.audio.reshape(-1, 640 // rows)).mean(axis=1)
    level = np.repeat(np.clip(10 * np.log10(power + 1e-8) / 10 + 4, -4, 4), 4 // rows)
    return np.repeat(level[:, None], N_MELS, axis=1)


def loudness(sample: Sample) -> np.ndarray:
    """(4T, 80): level of each video frame."""
    return _level(sample, 1)


def envelope(sample: Sample) -> np.ndarray:
    """(4T, 80): level of each quarter of a video frame."""
    return _level(sample, 4)


def pitch(sample: Sample) -> np.ndarray:
    """(4T, 80): a line one band (0.05 octave) thick at F0 where voiced, 48 Hz at the bottom."""
    place = np.log2(np.maximum(sample.said.f0, 48) / 48) / 0.05
    line = 8 * np.exp(-0.5 * (np.arange(N_MELS) - place[:, None]) ** 2) - 4
    return np.repeat(np.where(sample.said.f0[:, None] > 0, line, -4), 4, axis=0)


FEATURES: dict[str, Features] = {"whole": whole, "loudness": loudness, "envelope": envelope, "f0": pitch}


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


def train(samples: list[Sample], features: Features, steps: int, seed: int) -> AudioEmotionProbe:
    """Cross-entropy of the emotion + squared error of alpha on crops of two seconds; the last step counts.

    Level (+-3 dB) and bands (+-2) of a crop are shifted at random, as in any training on speech.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    pictures = [features(sample).astype(np.float32) for sample in samples]
    net = AudioEmotionProbe()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        picks = rng.integers(len(samples), size=_BATCH)
        crops = [(k, int(rng.integers(max(1, len(samples[k].said.alpha) - _CROP)))) for k in picks]
        mel = np.stack([_padded(pictures[k][4 * at : 4 * (at + _CROP)], 4 * _CROP) for k, at in crops])
        mel = np.clip(np.roll(mel, int(rng.integers(-2, 3)), axis=2) + 0.24 * rng.uniform(-1, 1, (_BATCH, 1, 1)), -4, 4)
        alpha = np.stack([_padded(samples[k].said.alpha[at : at + _CROP], _CROP) for k, at in crops])
        heard = net(torch.from_numpy(mel.astype(np.float32)))
        error = F.mse_loss(heard.alpha, torch.from_numpy(alpha))
        label = torch.tensor([samples[k].label for k in picks])
        loss = F.cross_entropy(heard.logits, label, label_smoothing=0.05) + 4 * error
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return net.eval()


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    """The first axis repeated at its end up to ``length``."""
    return np.pad(values, [(0, length - len(values)), *[(0, 0)] * (values.ndim - 1)], mode="edge")


@torch.inference_mode()
def examine(net: AudioEmotionProbe, features: Features, samples: list[Sample]) -> Figures:
    """Clip accuracy at levels 2-3 (and neutral), per level and emotion, confusion; alpha's Pearson r per frame."""
    readings = [net(torch.from_numpy(features(sample).astype(np.float32))[None]) for sample in samples]
    guess = np.array([int(reading.logits.argmax()) for reading in readings])
    heard = [reading.alpha[0].numpy() for reading in readings]
    wanted = [sample.said.alpha for sample in samples]
    truth = np.array([sample.label for sample in samples])
    levels = np.array([sample.spec.level for sample in samples])
    right, neutral = guess == truth, truth == EMOTIONS.index("neutral")
    strong = (levels >= 2) | neutral
    confusion = np.zeros((8, 8), int)
    np.add.at(confusion, (truth[strong], guess[strong]), 1)
    moving = np.flatnonzero(~neutral)

    def agreement(rows: np.ndarray) -> float:
        return float(
            np.corrcoef(np.concatenate([heard[k] for k in rows]), np.concatenate([wanted[k] for k in rows]))[0, 1]
        )

    return {
        "accuracy_levels_2_3": float(right[strong].mean()),
        "accuracy_by_level": {str(k): float(right[(levels == k) & ~neutral].mean()) for k in (1, 2, 3)},
        "accuracy_by_emotion": {
            name: float(right[strong & (truth == index)].mean()) for index, name in enumerate(EMOTIONS)
        },
        "confusion_levels_2_3": confusion.tolist(),
        "alpha_r": agreement(np.arange(len(samples))),
        "alpha_r_without_neutral": agreement(moving),
        "alpha_r_within_clip": float(np.mean([agreement(moving[k : k + 1]) for k in range(len(moving))])),
    }


def options(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--train", type=int, default=40, help="speakers trained on (default 40)")
    parser.add_argument("--test", type=int, default=16, help="speakers tested on (default 16)")
    parser.add_argument("--steps", type=int, default=800, help="training steps of each network (default 800)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the networks (default 0)")


def measure(args: argparse.Namespace) -> Figures:
    """All figures of this script."""
    known = record(_FIRST_TRAIN, args.train, (1, 2, 3, 2, 3), 3)
    unknown = record(_FIRST_TEST, args.test, (1, 2, 3), 2)
    listeners = {}
    for name, features in FEATURES.items():
        listeners[name] = examine(train(known, features, args.steps, args.seed), features, unknown)
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

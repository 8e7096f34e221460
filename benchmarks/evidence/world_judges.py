"""Confusion of the bundled emotion judge on people it never saw, per emotion and level.

Frames are single moments of clips (their sentence, mouth, blinks and head movement as they are), so many of them show
little of their emotion; accuracy is therefore also given for frames with alpha above .6, where it can be seen.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.pictures import UNSEEN, Shot, gather, share, stack
from eap.bundle.store import find_entry
from eap.constants import EMOTIONS, LEVELS, MODEL_SIZE, NEUTRAL
from eap.perception.fit.measures import ccc, pcc
from eap.perception.zoo import EMOTION, load_emotion_judge

BATCH = 64
VISIBLE = 0.6


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--people", type=int, default=32, help="unseen identities (default 32)")
    parser.add_argument("--frames", type=int, default=3, help="frames per identity, emotion and level (default 3)")
    parser.add_argument("--bundle", type=Path, help="folder of the weights (default: the project's own)")


@torch.inference_mode()
def judge(shots: list[Shot], bundle: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """What the bundled judge sees: class (N,), intensity (N,)."""
    network = load_emotion_judge(bundle)
    seen, strength = [], []
    for start in range(0, len(shots), BATCH):
        reading = network(torch.from_numpy(stack(shots[start : start + BATCH])))
        seen.append(reading.logits.argmax(1))
        strength.append(reading.intensity)
    return torch.cat(seen).numpy(), torch.cat(strength).numpy()


def confusion(truth: np.ndarray, seen: np.ndarray) -> list[list[int]]:
    """Counts (8, 8): rows are the true emotion, columns what the judge saw, in the order of EMOTIONS."""
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS)), int)
    np.add.at(counts, (truth, seen), 1)
    return [[int(count) for count in row] for row in counts]


def tables(truth: np.ndarray, seen: np.ndarray, alpha: np.ndarray, level: np.ndarray, who: np.ndarray) -> Figures:
    """Accuracy by part and confusion per level; ``level`` is 0 for neutral."""
    right = truth == seen
    visible = alpha > VISIBLE
    per_cell = {
        f"level_{k}": {
            EMOTIONS[e]: float(right[(truth == e) & (level == k)].mean())
            for e in range(len(EMOTIONS))
            if ((truth == e) & (level == k)).any()
        }
        for k in LEVELS
    }
    return {
        "accuracy": {
            "all_frames": share(right, who),
            "alpha_above_.6": share(right[visible], who[visible]),
            "alpha_above_.6_or_neutral": share(right[visible | (truth == NEUTRAL)], who[visible | (truth == NEUTRAL)]),
        },
        "accuracy_by_emotion_alpha_above_.6": {
            EMOTIONS[e]: float(right[visible & (truth == e)].mean())
            for e in range(len(EMOTIONS))
            if (visible & (truth == e)).any()
        },
        "neutral_seen_as_neutral": float(right[truth == NEUTRAL].mean()),
        "accuracy_by_level_and_emotion": per_cell,
        "confusion_order": list(EMOTIONS),
        "confusion": {
            **{f"level_{k}": confusion(truth[level == k], seen[level == k]) for k in LEVELS},
            "neutral": confusion(truth[level == 0], seen[level == 0]),
            "alpha_above_.6": confusion(truth[visible], seen[visible]),
        },
    }


def measure(args: argparse.Namespace) -> Figures:
    """Draw, judge, count."""
    people = range(UNSEEN, UNSEEN + args.people)
    shots = list(gather(people, args.frames, MODEL_SIZE, clips=args.frames))
    seen, strength = judge(shots, args.bundle)
    truth = np.array([shot.emotion for shot in shots])
    alpha = np.array([shot.alpha for shot in shots])
    level = np.array([0 if shot.emotion == NEUTRAL else shot.spec.level for shot in shots])
    who = np.array([shot.spec.identity for shot in shots])
    anchor = _radii()[truth] * alpha
    return {
        "frames": len(shots),
        "identities": [people.start, people.stop - 1],
        "judge_sha256": find_entry(EMOTION, args.bundle).sha256,
        "size": MODEL_SIZE,
        **tables(truth, seen, alpha, level, who),
        "intensity": {"pcc": pcc(strength, anchor), "ccc": ccc(strength, anchor)},
    }


def _radii() -> np.ndarray:
    """Intensity r = sqrt(v^2 + a^2) of each emotion at alpha = 1, (8,)."""
    from eap.synth.affect import AFFECTS

    return np.array([np.hypot(AFFECTS[name].valence, AFFECTS[name].arousal) for name in EMOTIONS])


if __name__ == "__main__":
    main("world_judges", __doc__, measure, arguments)

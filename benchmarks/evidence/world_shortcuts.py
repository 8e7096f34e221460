"""No shortcuts: what can be learned about emotion and intensity from everything but the face.

One probe (histograms of oriented gradients and a coarse colour picture, a linear discriminant for emotion, a ridge
regression for intensity; each person's mean is taken away, which helps it) is fitted anew on each kind of picture and
tested on people it never saw:

head_masked   an ellipse hides the head: hair ends, neck, background, light, clothes are left. Must be at chance.
face_masked   an ellipse hides brows to chin; hair, ears, neck and the outline of cheeks and jaw stay.
whole_frame   the control: the same probe with the same training sees the face.

The ellipse is one for all frames: a mask that followed the face would tell its movement. Frames are random moments of
level 3 clips.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.pictures import UNSEEN, Shot, gather, share
from eap.constants import EMOTIONS, NEUTRAL
from metrics.statistics import cluster_bootstrap

SIZE = 64
"""Side of the frames in pixels."""
_SHRINK = 0.2
"""Share of the average variance added to every direction of the common covariance."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--people", type=int, nargs=2, default=(32, 16), metavar=("TRAIN", "TEST"))
    parser.add_argument("--frames", type=int, default=4, help="frames per identity and emotion (default 4)")
    parser.add_argument("--seed", type=int, default=0)


def hide(landmarks: np.ndarray, size: int, *, head: bool) -> np.ndarray:
    """True inside one ellipse for all frames (size, size): about the inner face, or the whole head up to the top edge.

    landmarks: (N, 68, 2) pixels. The inner ellipse goes round the corners of the box of the 1st to 99th percentile of
    landmarks 17-67 and the chin; that of the head is wider, and open to the picture's top.
    """
    inner = np.concatenate([landmarks[:, 17:], landmarks[:, 7:10]], axis=1).reshape(-1, 2)
    low, high = np.percentile(inner, 1, axis=0), np.percentile(inner, 99, axis=0)
    centre, radius = (low + high) / 2, (high - low) / 2 * (1.7 if head else 1.45)
    grid = np.stack(np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5), axis=-1)
    if head:
        grid[..., 1] = np.maximum(grid[..., 1], centre[1])
    return np.asarray((((grid - centre) / radius) ** 2).sum(-1) < 1)


def features(images: np.ndarray, hidden: np.ndarray | None) -> np.ndarray:
    """(N, S, S, 3) uint8 -> (N, F): gradients of the grey picture in 8 px cells, and colour in 8 px blocks."""
    from skimage.feature import hog

    shown = images if hidden is None else np.where(hidden[None, :, :, None], np.uint8(128), images)
    blocks = shown.reshape(len(shown), shown.shape[1] // 8, 8, shown.shape[2] // 8, 8, 3).mean(axis=(2, 4)) / 255
    grey = shown.mean(axis=-1) / 255
    edges = [hog(one, 8, (8, 8), (2, 2), feature_vector=True) for one in grey]
    return np.concatenate([np.array(edges), blocks.reshape(len(shown), -1)], axis=1)


def centred(values: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Values (N, F) less the mean of each person's frames."""
    out = np.empty_like(values, dtype=np.float64)
    for name in np.unique(who):
        out[who == name] = values[who == name] - values[who == name].mean(axis=0)
    return out


def discriminant(x: np.ndarray, truth: np.ndarray, x_new: np.ndarray) -> np.ndarray:
    """Fisher's linear discriminant with equal priors and a shrunk common covariance: classes (M,) of x_new (M, F)."""
    classes = np.unique(truth)
    means = np.stack([x[truth == c].mean(axis=0) for c in classes])
    rest = x - means[np.searchsorted(classes, truth)]
    covariance = rest.T @ rest / len(x)
    covariance += _SHRINK * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, means.T)
    scores = x_new @ weights - 0.5 * (means * weights.T).sum(axis=1)
    return np.asarray(classes[scores.argmax(axis=1)])


def regression(x: np.ndarray, alpha: np.ndarray, x_new: np.ndarray) -> np.ndarray:
    """Ridge regression of alpha, penalty the shrinkage of `discriminant`."""
    gram = x.T @ x / len(x)
    gram += _SHRINK * np.trace(gram) / len(gram) * np.eye(len(gram))
    return np.asarray(x_new @ np.linalg.solve(gram, x.T @ (alpha - alpha.mean()) / len(x)) + alpha.mean())


def correlation(a: np.ndarray, b: np.ndarray, who: np.ndarray) -> Figures:
    """Mean over identities of the Pearson correlation, with its 95 % interval by bootstrap over identities."""
    names = np.unique(who)
    each = [float(np.corrcoef(a[who == name], b[who == name])[0, 1]) for name in names]
    found = cluster_bootstrap(np.nan_to_num(each), [str(name) for name in names])
    return {"mean": found.estimate, "ci95": [found.low, found.high], "identities": len(names)}


def examine(train: list[Shot], test: list[Shot], hidden: np.ndarray | None) -> Figures:
    """Fit on the first, test on the second: emotion accuracy, intensity's correlation among emotional frames."""

    def prepared(shots: list[Shot]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        who = np.array([shot.spec.identity for shot in shots])
        values = centred(features(np.stack([shot.image for shot in shots]), hidden), who)
        return values, np.array([s.emotion for s in shots]), np.array([s.alpha for s in shots]), who

    x, truth, alpha, _ = prepared(train)
    x_new, truth_new, alpha_new, who = prepared(test)
    right = discriminant(x, truth, x_new) == truth_new
    moved, visible = truth_new != NEUTRAL, alpha_new > 0.6
    strength = regression(x[truth != NEUTRAL], alpha[truth != NEUTRAL], x_new[moved])
    return {
        "emotion_accuracy": share(right, who),
        "emotion_accuracy_alpha_above_.6": share(right[visible], who[visible]),
        "intensity_pcc": correlation(strength, alpha_new[moved], who[moved]),
    }


def measure(args: argparse.Namespace) -> Figures:
    """Draw, fit the probe on every kind of picture, test on unseen people."""
    first, second = args.people
    train = list(gather(range(UNSEEN, UNSEEN + first), args.frames, SIZE, levels=(3,), clips=2, seed=args.seed))
    unseen = range(UNSEEN + first, UNSEEN + first + second)
    test = list(gather(unseen, args.frames, SIZE, levels=(3,), clips=2, seed=args.seed + 1))
    places = np.stack([shot.landmarks for shot in train])
    masks = {"head_masked": hide(places, SIZE, head=True), "face_masked": hide(places, SIZE, head=False)}
    return {
        "chance": 1 / len(EMOTIONS),
        "frames": {"train": len(train), "test": len(test)},
        "masked_share_of_picture": {name: float(mask.mean()) for name, mask in masks.items()},
        **{name: examine(train, test, masks.get(name)) for name in ("head_masked", "face_masked", "whole_frame")},
    }


if __name__ == "__main__":
    main("world_shortcuts", __doc__, measure, arguments)

"""No shortcuts: what a network learns about emotion and intensity from everything but the face.

One small network is trained anew on each kind of picture and tested on people it never saw:

head_masked   background, light, clothes: an ellipse hides the whole head. Must be at chance.
face_masked   an ellipse hides brows to chin; hair, ears, neck and outline stay, and with them how the head is held,
              which goes with emotion by design (sad heads sink): above chance by that much, and no more.
whole_frame   the control: the same network with the same training sees the face.

The ellipse is one for all frames: a mask that followed the face would tell its movement. Frames are random moments of
clips, so that "whole_frame" is far from what a trained judge reaches.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.pictures import UNSEEN, Shot, gather
from benchmarks.evidence.world_judges import share
from eap.constants import EMOTIONS, NEUTRAL
from eap.perception.fit.measures import pcc
from metrics.statistics import cluster_bootstrap

SIZE = 64
"""Side of the frames as drawn; the networks see them at half of it."""
_WIDTH = 24
_BATCH = 64


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--people", type=int, nargs=2, default=(32, 12), metavar=("TRAIN", "TEST"))
    parser.add_argument("--frames", type=int, default=3, help="frames per identity, emotion and level (default 3)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)


class Probe(nn.Module):
    """Four convolutions and two heads: emotion (8) and intensity (1)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, _WIDTH, 2 * _WIDTH, 3 * _WIDTH, 4 * _WIDTH)
        blocks = [
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairwise(widths)
        ]
        self.trunk = nn.Sequential(*blocks, nn.Flatten(), nn.Dropout(0.2))
        self.emotion = nn.Linear(4 * _WIDTH * 4, len(EMOTIONS))
        self.alpha = nn.Linear(4 * _WIDTH * 4, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, 32, 32) -> logits (N, 8), intensity (N,)."""
        features = self.trunk(images)
        return self.emotion(features), self.alpha(features)[:, 0]


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


def _tensor(shots: list[Shot], hidden: np.ndarray | None) -> Tensor:
    images = np.stack([shot.image for shot in shots])
    if hidden is not None:
        images = np.where(hidden[None, :, :, None], np.uint8(128), images)
    whole = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    return F.avg_pool2d(whole, 2)


def batches(n: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """Indices 0..n-1 in random order, in whole batches; what is left over is left out."""
    order = torch.randperm(n, generator=generator)
    return [order[start : start + size] for start in range(0, n - size + 1, size)]


def fit(images: Tensor, truth: Tensor, alpha: Tensor, epochs: int, seed: int) -> Probe:
    """Train a probe with mirror and shift augmentation; cross-entropy plus squared error of intensity."""
    torch.manual_seed(seed)
    net, order = Probe(), torch.Generator().manual_seed(seed)
    steps = epochs * (len(images) // _BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps + 1)
    for _ in range(epochs):
        for picks in batches(len(images), _BATCH, order):
            batch = images[picks]
            if torch.rand(1, generator=order) < 0.5:
                batch = batch.flip(3)
            moves = torch.randint(-2, 3, (2,), generator=order)
            batch = batch.roll((int(moves[0]), int(moves[1])), (2, 3))
            logits, strength = net(batch)
            loss = F.cross_entropy(logits, truth[picks]) + 2 * F.mse_loss(strength, alpha[picks])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    return net.eval()


@torch.inference_mode()
def examine(net: Probe, images: Tensor, shots: list[Shot]) -> Figures:
    """Emotion accuracy and intensity correlation (emotional clips alone, and all), with intervals over identities."""
    parts = [net(images[start : start + 256]) for start in range(0, len(images), 256)]
    seen = torch.cat([logits for logits, _ in parts]).argmax(1).numpy()
    strength = torch.cat([value for _, value in parts]).numpy()
    truth, alpha = np.array([s.emotion for s in shots]), np.array([s.alpha for s in shots])
    who = np.array([shot.spec.identity for shot in shots])
    moved = truth != NEUTRAL
    visible = alpha > 0.6
    return {
        "emotion_accuracy": share(seen == truth, who),
        "emotion_accuracy_alpha_above_.6": share((seen == truth)[visible], who[visible]),
        "intensity_pcc": correlation(strength[moved], alpha[moved], who[moved]),
    }


def correlation(a: np.ndarray, b: np.ndarray, who: np.ndarray) -> Figures:
    """Mean over identities of the Pearson correlation, with its 95 % interval by bootstrap over identities."""
    names = np.unique(who)
    each = [pcc(a[who == name], b[who == name]) for name in names]
    found = cluster_bootstrap([0.0 if np.isnan(r) else r for r in each], [str(name) for name in names])
    return {"mean": found.estimate, "ci95": [found.low, found.high], "identities": len(names)}


def measure(args: argparse.Namespace) -> Figures:
    """Draw, train the probes, test on unseen people."""
    first, second = args.people
    train = list(gather(range(UNSEEN, UNSEEN + first), args.frames, SIZE, clips=2, seed=args.seed))
    test_people = range(UNSEEN + first, UNSEEN + first + second)
    test = list(gather(test_people, args.frames, SIZE, clips=2, seed=args.seed + 1))
    truth = torch.tensor([shot.emotion for shot in train])
    alpha = torch.tensor([shot.alpha for shot in train])
    places = np.stack([shot.landmarks for shot in train])
    masks = {"head_masked": hide(places, SIZE, head=True), "face_masked": hide(places, SIZE, head=False)}
    figures: Figures = {
        "chance": 1 / len(EMOTIONS),
        "frames": {"train": len(train), "test": len(test)},
        "masked_share_of_picture": {name: float(mask.mean()) for name, mask in masks.items()},
    }
    for name in ("head_masked", "face_masked", "whole_frame"):
        net = fit(_tensor(train, masks.get(name)), truth, alpha, args.epochs, args.seed)
        figures[name] = examine(net, _tensor(test, masks.get(name)), test)
    return figures


if __name__ == "__main__":
    main("world_shortcuts", __doc__, measure, arguments)

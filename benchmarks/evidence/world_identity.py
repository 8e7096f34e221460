"""Do the people of the embedded world differ? A network trained on half of them compares pairs of the other half.

Same and different pairs are of different emotions. Pixels outside the head are swapped between people while training
and grey while testing, so that studio and clothes cannot vouch for a person.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.pictures import UNSEEN, Shot, gather, stack
from eap.perception.evaluators import IdentityJudge
from eap.perception.fit.identity import CosineMargin, swap_backgrounds
from eap.perception.fit.measures import equal_error_rate, roc_auc

SIZE = 64
BATCH = 64


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this script."""
    parser.add_argument("--people", type=int, default=96, help="identities; half train, half test (default 96)")
    parser.add_argument("--frames", type=int, default=1, help="frames per identity, emotion and level (default 1)")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)


def _tensors(shots: list[Shot]) -> tuple[Tensor, Tensor]:
    places = np.stack([shot.landmarks for shot in shots]).astype(np.float32) / SIZE
    return torch.from_numpy(stack(shots)), torch.from_numpy(places)


def batches(n: int, size: int, generator: torch.Generator) -> list[Tensor]:
    """Indices 0..n-1 in random order, in whole batches; what is left over is left out."""
    order = torch.randperm(n, generator=generator)
    return [order[start : start + size] for start in range(0, n - size + 1, size)]


def fit(shots: list[Shot], epochs: int, seed: int) -> IdentityJudge:
    """Train the identity architecture from nothing: CosFace over the people, mirrored at random, light varied."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    names = sorted({shot.spec.identity for shot in shots})
    person = torch.tensor([names.index(shot.spec.identity) for shot in shots])
    images, places = _tensors(shots)
    net, head = IdentityJudge(), CosineMargin(128, len(names))
    steps = epochs * (len(shots) // BATCH)
    optimiser = torch.optim.AdamW([*net.parameters(), *head.parameters()], lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps + 1)
    for _ in range(epochs):
        for picks in batches(len(shots), BATCH, generator):
            batch = swap_backgrounds(images[picks], places[picks], 0.7, generator)
            if torch.rand(1, generator=generator) < 0.5:
                batch = batch.flip(3)
            batch = batch * (0.85 + 0.3 * torch.rand(len(picks), 1, 1, 1, generator=generator))
            loss = head(net(batch.clamp(0, 1)), person[picks])
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
    return net.fold()


@torch.inference_mode()
def embed(net: IdentityJudge, shots: list[Shot]) -> np.ndarray:
    """Unit vectors (N, 128) of frames whose surroundings are grey."""
    images, places = _tensors(shots)
    grey = torch.full_like(images[:1], 0.5)
    found = []
    for start in range(0, len(shots), 256):
        batch, at = images[start : start + 256], places[start : start + 256]
        # every frame's neighbour in the roll is the grey picture: interleave, swap, keep the frames
        mixed = torch.stack([grey.expand_as(batch), batch], dim=1).flatten(0, 1)
        both = torch.stack([at, at], dim=1).flatten(0, 1)
        cut = swap_backgrounds(mixed, both, 1.1, torch.Generator().manual_seed(0))[1::2]
        found.append(net(cut))
    return F.normalize(torch.cat(found), dim=1).numpy()


def compare(vectors: np.ndarray, person: np.ndarray, emotion: np.ndarray) -> Figures:
    """Same/different figures over pairs of different emotions, and each person's nearest other person."""
    cosine = vectors @ vectors.T
    cross = emotion[:, None] != emotion[None]
    same_person = person[:, None] == person[None]
    same, different = cosine[cross & same_person], cosine[cross & ~same_person]
    names = np.unique(person)
    centres = np.stack([vectors[person == name].mean(0) for name in names])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    between = centres @ centres.T
    np.fill_diagonal(between, -1.0)
    nearest = 1 - between.max(1)
    spread = [float(1 - (vectors[person == n] @ centres[i]).mean()) for i, n in enumerate(names)]
    right = person[np.where(cross, cosine, -2.0).argmax(1)] == person
    threshold = np.quantile(different, 0.99)
    return {
        "auc": roc_auc(same, different),
        "equal_error_rate": equal_error_rate(same, different),
        "tpr_at_fpr_1_percent": float((same > threshold).mean()),
        "cosine_same": {"mean": float(same.mean()), "std": float(same.std())},
        "cosine_different": {"mean": float(different.mean()), "std": float(different.std())},
        "nearest_neighbour_is_same_person": float(right.mean()),
        "nearest_other_person_distance": {
            "least": float(nearest.min()), "p10": float(np.quantile(nearest, 0.1)), "median": float(np.median(nearest)),
        },
        "own_spread_distance_median": float(np.median(spread)),
        "closest_pair": [int(names[at]) for at in np.unravel_index(between.argmax(), between.shape)],
    }  # fmt: skip


def measure(args: argparse.Namespace) -> Figures:
    """Draw, train on the first half, compare the second."""
    half = args.people // 2
    train = list(gather(range(UNSEEN, UNSEEN + half), args.frames, SIZE, seed=args.seed))
    test = list(gather(range(UNSEEN + half, UNSEEN + 2 * half), args.frames, SIZE, seed=args.seed + 1))
    net = fit(train, args.epochs, args.seed)
    person = np.array([shot.spec.identity for shot in test])
    emotion = np.array([shot.emotion for shot in test])
    return {
        "people": {"train": half, "test": half},
        "frames": {"train": len(train), "test": len(test)},
        **compare(embed(net, test), person, emotion),
    }


if __name__ == "__main__":
    main("world_identity", __doc__, measure, arguments)

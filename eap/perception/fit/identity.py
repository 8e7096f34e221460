"""Fit the identity judge: tell the evaluators' people apart, whatever they feel; scored on people it never saw."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from eap.data.arrays import ArraySet, ClipEntry
from eap.perception.evaluators import IdentityJudge
from eap.perception.fit.augment import Damage, augment
from eap.perception.fit.batches import FrameSampler, in_batches, split_by_identity, spread
from eap.perception.fit.loop import Budget, FitReport, fit_module, seed_all
from eap.perception.fit.measures import equal_error_rate, roc_auc
from eap.perception.layers import count_macs, count_parameters

BATCH = 96


class CosineMargin(nn.Module):
    """CosFace (Wang et al. 2018): softmax over scaled cosines, the true class's cosine lowered by a margin."""

    def __init__(self, width: int, classes: int, scale: float = 20.0, margin: float = 0.2) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, width) * 0.1)
        self.scale, self.margin = scale, margin

    def forward(self, embedding: Tensor, person: Tensor) -> Tensor:
        """Mean loss of unit vectors (N,width) with classes (N,)."""
        cosine = embedding @ F.normalize(self.centres, dim=1).T
        margin = F.one_hot(person, cosine.shape[1]) * self.margin
        return F.cross_entropy(self.scale * (cosine - margin), person)


def swap_backgrounds(images: Tensor, landmarks: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Replace what lies outside the head by another frame's pixels, in about `share` of the frames.

    Background and clothes stay the same through all clips of a person; without this they would be the identity.
    The head is an ellipse around the landmarks, drawn up to the hair.
    """
    n, _, h, w = images.shape
    low, high = landmarks.amin(1), landmarks.amax(1)
    centre = (low + high) / 2 - torch.tensor([0.0, 0.12]) * (high - low)
    radius = (high - low) * torch.tensor([0.62, 0.78])
    ys, xs = (torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w
    dx = (xs[None, None] - centre[:, 0, None, None]) / radius[:, 0, None, None]
    dy = (ys[None, :, None] - centre[:, 1, None, None]) / radius[:, 1, None, None]
    head = dx.square() + dy.square() < 1
    keep = head | (torch.rand(n, generator=generator) >= share)[:, None, None]
    return torch.where(keep[:, None], images, images.roll(1, 0))


def fit_identity_judge(arrays: ArraySet, budget: Budget, seed: int = 13) -> tuple[IdentityJudge, FitReport]:
    """Fit the identity judge; returned folded. Measured on clip embeddings of held-out people, pairs of different
    emotion: auc, equal_error_rate, cosine_same, cosine_different; `damaged_auc` with one side damaged."""
    generator = seed_all(seed, budget.threads)
    split = split_by_identity(arrays, seed=seed)
    sampler = FrameSampler(arrays, split.train, split.identities, seed)
    head = CosineMargin(128, len(split.identities))
    damage = Damage(light=0.15, tint=0.04)

    def step(net: IdentityJudge) -> Tensor:
        batch = sampler.draw(BATCH)
        images, landmarks = augment(batch.images, batch.landmarks, damage, generator)
        if landmarks is None:
            raise AssertionError("augment returns landmarks when it is given them")
        loss: Tensor = head(net(swap_backgrounds(images, landmarks, 0.5, generator)), batch.person)
        return loss

    trained, steps, seconds = fit_module(IdentityJudge(), step, budget, lr=3e-3, name="identity", extra=head)
    net = trained.fold()
    measured = measure_identity(net, arrays, split.held_out)
    report = FitReport(
        "identity", "IdentityJudge", seed, round(seconds, 1), steps, steps * BATCH, count_parameters(net),
        count_macs(net, torch.zeros(1, 3, 96, 96)), split.identities, split.held_out_identities,
        {key: round(value, 4) for key, value in measured.items()},
    )  # fmt: skip
    return net, report


@torch.no_grad()
def measure_identity(net: IdentityJudge, arrays: ArraySet, clips: tuple[ClipEntry, ...]) -> dict[str, float]:
    """Figures over pairs of clips with different emotions; a clip is the mean of 4 frames' embeddings."""
    per_clip = 4
    picks = spread(clips, per_clip, 1600)
    generator = torch.Generator().manual_seed(0)
    plain, damaged = [], []
    for batch in in_batches(arrays, picks):
        plain.append(net(batch.images))
        damaged.append(net(augment(batch.images, None, Damage(), generator)[0]))
    first, second = (
        F.normalize(torch.cat(parts).reshape(-1, per_clip, 128).mean(1), dim=1) for parts in (plain, damaged)
    )
    entries = [entry for entry, _ in picks[::per_clip]]
    person = np.array([entry.identity for entry in entries])
    emotion = np.array([entry.emotion for entry in entries])
    cross = emotion[:, None] != emotion[None]
    same_person = person[:, None] == person[None]
    cosine, cosine_damaged = (first @ first.T).numpy(), (first @ second.T).numpy()
    same, different = cosine[cross & same_person], cosine[cross & ~same_person]
    return {
        "auc": roc_auc(same, different),
        "equal_error_rate": equal_error_rate(same, different),
        "cosine_same": float(same.mean()),
        "cosine_different": float(different.mean()),
        "damaged_auc": roc_auc(cosine_damaged[cross & same_person], cosine_damaged[cross & ~same_person]),
    }

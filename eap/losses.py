"""The losses of the paper, one function per equation, and the auxiliary ones of ours, named as such.

Frames are (N,3,S,S) in [0,1]; landmarks (N,68,2) in units of the image side. Every loss is a scalar mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

LIPS = slice(48, 68)
NOSE = slice(27, 31)
BROWS_EYES = [*range(17, 27), *range(36, 48)]
REGIONS = (
    ([*range(48, 68)], 0.035),
    ([*range(17, 22), *range(36, 42)], 0.03),
    ([*range(22, 27), *range(42, 48)], 0.03),
)
"""Mouth and each eye with its brow: landmark numbers and margin in units of the image side."""


def lip_loss(generated: Tensor, target: Tensor) -> Tensor:
    """L_lip: mean L1 between lip landmarks of generated and target frames, each seen from its own nose.

    The term is the paper's; the L1 norm and the nose as origin are *our choice*: the voice does not tell where the head
    moves, and with that noise in the term the lips stay shut.
    """
    return F.l1_loss(from_nose(generated)[:, LIPS], from_nose(target)[:, LIPS])


def from_nose(landmarks: Tensor) -> Tensor:
    """(N,68,2) with the nose bridge's centre (points 27-30) as origin."""
    return landmarks - landmarks[:, NOSE].mean(1, keepdim=True)


def perceptual_loss(generated: Sequence[Tensor], target: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """L_per: weighted L1 between feature taps of a frozen network; tap 0 may be the pixels (see ``pixel_loss``)."""
    if not len(generated) == len(target) == len(weights):
        raise ValueError("perceptual_loss needs as many weights as taps on both sides")
    total = torch.zeros((), device=generated[0].device)
    for weight, g, t in zip(weights, generated, target, strict=True):
        total = total + weight * F.l1_loss(g.float(), t.float())
    return total


def region_weights(landmarks: Tensor, size: int, gain: float) -> Tensor:
    """1 + gain on mouth, eyes and brows, with soft edges. landmarks (N,68,2) -> (N,1,size,size).

    *Our choice*, after the Wav2Lip family's "dead lips": with plain L1 the mouth is too few pixels to be worth moving.
    """
    ticks = (torch.arange(size, device=landmarks.device) + 0.5) / size
    weight = torch.ones(len(landmarks), size, size, device=landmarks.device)
    for points, margin in REGIONS:
        part = landmarks[:, points]
        low, high = part.amin(1) - margin, part.amax(1) + margin
        inside = [
            torch.sigmoid((ticks - low[:, axis, None]) / 0.01) * torch.sigmoid((high[:, axis, None] - ticks) / 0.01)
            for axis in (0, 1)
        ]
        weight = weight + gain * inside[1][:, :, None] * inside[0][:, None, :]
    return weight[:, None]


def pixel_loss(generated: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Tap 0 of L_per: region-weighted L1 on pixels, normalised by the weights."""
    return ((generated - target).abs() * weights).sum() / (weights.sum() * generated.shape[1])


def adversarial_d(real: Tensor, fake: Tensor) -> Tensor:
    """L_adv for D: hinge (FV2V, PC-AVS)."""
    return F.relu(1 - real.float()).mean() + F.relu(1 + fake.float()).mean()


def adversarial_g(fake: Tensor) -> Tensor:
    """L_adv for the generator."""
    return -fake.float().mean()


def npair_neutral(
    anchor: Tensor,
    positive: Tensor,
    negatives: Tensor,
    *,
    normalize: bool = True,
    temperature: float = 0.1,
    l2: float = 0.0,
) -> Tensor:
    """L_metric, Eq. 3: -log exp(f_a.f+) / (exp(f_a.f+) + sum_i exp(f_a.f-_i)).

    anchor f_a (B,d): the target neutral clip; positive f+ (B,d): the generated clip; negatives f-_i (B,C-1,d): the
    other emotions of that identity. ``normalize=False, temperature=1, l2=2e-3`` is Eq. 3 literally with Sohn's
    penalty; cosine and temperature are *our choice*, since raw products of 256 numbers saturate the softmax at once.
    """
    anchor, positive, negatives = anchor.float(), positive.float(), negatives.float()
    penalty = l2 * (anchor.square().sum(-1).mean() + positive.square().sum(-1).mean())
    if normalize:
        anchor, positive, negatives = (F.normalize(x, dim=-1) for x in (anchor, positive, negatives))
    own = (anchor * positive).sum(-1, keepdim=True)
    other = torch.einsum("bd,bcd->bc", anchor, negatives)
    logits = torch.cat([own, other], 1) / temperature
    label = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    return F.cross_entropy(logits, label) + penalty


def context_emotion_ce(logits: Tensor, labels: Tensor) -> Tensor:
    """L_cls, Eq. 5: cross-entropy of phi(e_[1:n]); logits (B,8), labels (B,)."""
    return F.cross_entropy(logits.float(), labels)


def emotion_adv_d(real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
    """L_e-adv for D_E: hinge on the branch of the clip's class, real, generated and *mismatched real* ones.

    real, fake (B,8) clip scores. The mismatched term (*our choice*, as in GAN-CLS) makes a branch judge its emotion and
    not realism alone.
    """
    own = labels[:, None]
    real, fake = real.float(), fake.float()
    matched = F.relu(1 - real.gather(1, own)).mean() + F.relu(1 + fake.gather(1, own)).mean()
    others = torch.ones_like(real).scatter_(1, own, 0.0)
    return matched + (F.relu(1 + real) * others).sum() / others.sum()


def emotion_adv_g(fake: Tensor, labels: Tensor) -> Tensor:
    """L_e-adv for the generator: the score of the driving emotion's branch."""
    return -fake.float().gather(1, labels[:, None]).mean()


def intensity(valence: Tensor, arousal: Tensor) -> Tensor:
    """r = sqrt(v^2 + a^2), Eq. 6."""
    return torch.sqrt(valence.square() + arousal.square() + 1e-12)


def intensity_mse(r: Tensor, r_hat: Tensor) -> Tensor:
    """L_inten, Eq. 7: mean squared error of the intensity over frames and clips."""
    return F.mse_loss(r_hat.float(), r.float())


def aux_landmarks(generated: Tensor, target: Tensor) -> Tensor:
    """L_aux-face (*ours*): L1 on brow and eye landmarks of the generated frames, the upper face's L_lip."""
    return F.l1_loss(from_nose(generated)[:, BROWS_EYES], from_nose(target)[:, BROWS_EYES])


def aux_look(generated: Tensor, target: Tensor) -> Tensor:
    """L_aux-look (*ours*): squared difference of F's affect embeddings h (N,n) of generated and target frames.

    L_per compares early feature maps, in which an expression is a small part; this compares what F makes of the face
    (after the emotion consistency loss of EMOCA, Danecek et al. 2022).
    """
    return F.mse_loss(generated.float(), target.float())


def aux_movement(predicted: Tensor, target: Tensor) -> Tensor:
    """L_aux-lip (*ours*): L1 between ``predicted`` and how shapes (B,T,n) move about their mean over the window.

    What the voice tells is the movement; whose lips they are is most of the variance and none of its business.
    """
    predicted, target = predicted.float(), target.float()
    return F.l1_loss(predicted, target - target.mean(1, keepdim=True))


def aux_shape(predicted: Tensor, target: Tensor) -> Tensor:
    """L_aux-shape (*ours*): L1 between a linear read-out of a latent and a normalised landmark shape."""
    return F.l1_loss(predicted.float(), target.float())


def aux_affect(predicted: Tensor, target: Tensor) -> Tensor:
    """L_aux-va (*ours*): a linear read-out of alpha * z_exp against the pseudo labels (v, a) of F."""
    return F.mse_loss(predicted.float(), target.float())

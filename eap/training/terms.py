"""Which losses a phase has (Eq. 4 for ANT; L_lip, L_per, L_cls, L_e-adv, L_inten for ERA), and the auxiliary ones.

The teacher is one frozen network here: landmarks for L_lip, taps for L_per, valence-arousal and embedding for L_inten.
It runs on generated frames *with* gradients and without updating itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from eap import losses
from eap.model import Latents, Talker
from eap.model.intensity import IntensityRegressor
from eap.perception.teachers import FaceReading
from eap.training.batches import Batch
from eap.training.recipes import LossWeights, Recipe

N_INNER = 51
TAP_WEIGHTS = (1.0, 1.0, 1.0, 1.0)


class AuxHeads(nn.Module):
    """Linear read-outs that exist in training only (*ours*; in every row alike).

    ``shape``: what the face does beyond the reference, from z_lip + alpha z_exp. ``affect``: alpha z_exp ->
    (v, a) of the frozen F.
    """

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.shape = nn.Linear(latent, 2 * N_INNER)
        self.affect = nn.Linear(latent, 2)
        for head in (self.shape, self.affect):
            nn.init.normal_(head.weight, std=1e-3)  # start from "nothing moves", not from noise


@dataclass(frozen=True)
class Teachers:
    """The frozen networks inside the losses. ``face`` gives a `FaceReading`; ``tap_weights``: one for each tap."""

    face: nn.Module
    psi: IntensityRegressor
    tap_weights: tuple[float, ...] = TAP_WEIGHTS


@dataclass(frozen=True)
class StepInputs:
    """Everything the terms of one step read. Frames are flat: N = B*K."""

    batch: Batch
    latents: Latents
    generated: Tensor
    target: Tensor
    generated_reading: FaceReading
    target_reading: FaceReading


def lip_shape(landmarks: Tensor) -> Tensor:
    """Lips (N,20,2) about their own centre, in units where a mouth is about 1 wide. -> (N,40)."""
    lips = landmarks[:, losses.LIPS]
    return ((lips - lips.mean(1, keepdim=True)) * 4).flatten(1)


def displacement(landmarks: Tensor, reference: Tensor) -> Tensor:
    """How the inner 51 points differ from the reference's, each seen from its nose. -> (N,102)."""
    moved = losses.from_nose(landmarks) - losses.from_nose(reference)
    return (moved[:, 17:] * 10).flatten(1)


def talker_terms(
    recipe: Recipe, inputs: StepInputs, aux: AuxHeads, teachers: Teachers, frozen_e_i: nn.Module | None
) -> dict[str, Tensor]:
    """The unweighted terms of the talker's step, but for the adversarial ones (``adversarial_terms``).

    Terms on pixels are taken at the K decoded frames, terms on latents at all T frames of the window.
    """
    w, batch, latents = recipe.weights, inputs.batch, inputs.latents
    out = _image_terms(w, recipe.region_gain, inputs, teachers.tap_weights) | voice_terms(w, batch, latents, aux)
    if w.metric and batch.negatives is not None and frozen_e_i is not None:
        out["metric"] = _metric_term(batch, inputs, frozen_e_i)
    if w.inten and latents.alpha is not None:
        va = torch.gather(batch.va, 1, batch.picks[..., None].expand(-1, -1, 2)).flatten(0, 1)
        r = losses.intensity(va[:, 0], va[:, 1])
        out["inten"] = losses.intensity_mse(r, teachers.psi(inputs.generated_reading.embedding))
    return out


def voice_terms(w: LossWeights, batch: Batch, latents: Latents, aux: AuxHeads) -> dict[str, Tensor]:
    """The terms that need no pixels: L_cls and the auxiliary read-outs, at all T frames of each window."""
    out = {}
    z_lip = latents.z_lip.float()
    if w.aux_lip:
        out["aux_lip"] = losses.aux_movement(latents.lip_shape, lip_shapes(batch))
    if latents.alpha is None or latents.z_exp is None:
        return out
    emotional = (latents.alpha * latents.z_exp[:, None]).float()
    if w.cls and latents.emotion_logits is not None:
        out["cls"] = losses.context_emotion_ce(latents.emotion_logits, batch.emotion)
    if w.aux_va:
        out["aux_va"] = losses.aux_affect(aux.affect(emotional), batch.va)
    if w.aux_shape:
        reference = batch.image_landmarks.repeat_interleave(batch.landmarks.shape[1], 0)
        truth = displacement(batch.landmarks.flatten(0, 1), reference)
        out["aux_shape"] = losses.aux_shape(aux.shape((z_lip + emotional).flatten(0, 1)), truth)
    return out


def _image_terms(w: LossWeights, gain: float, inputs: StepInputs, taps: tuple[float, ...]) -> dict[str, Tensor]:
    """L_per (pixels as its tap 0), L_lip and its upper-face sister."""
    size = inputs.generated.shape[-1]
    regions = losses.region_weights(inputs.target_reading.landmarks, size, gain)
    out = {
        "pixel": losses.pixel_loss(inputs.generated, inputs.target, regions),
        "per": losses.perceptual_loss(inputs.generated_reading.taps, inputs.target_reading.taps, taps),
        "lip": losses.lip_loss(inputs.generated_reading.landmarks, inputs.target_reading.landmarks),
    }
    if w.aux_look:
        out["aux_look"] = losses.aux_look(inputs.generated_reading.embedding, inputs.target_reading.embedding)
    if w.aux_face:
        out["aux_face"] = losses.aux_landmarks(inputs.generated_reading.landmarks, inputs.target_reading.landmarks)
    return out


def _metric_term(batch: Batch, inputs: StepInputs, frozen_e_i: nn.Module) -> Tensor:
    """L_metric with a frozen copy of E_I as the metric space: a shared E_I could separate instead of neutralize.

    Embeddings are taken about the mean of the identity's eight (*our choice*): what a person's frames have in common is
    nearly all of z_id, and with it in every cosine is the same and Eq. 3 stays at ln 8. One generated and one
    target frame of the first clips of the batch keep the seven negatives affordable on a CPU.
    """
    k = batch.picks.shape[1]
    assert batch.negatives is not None
    b, n_neg = batch.negatives.shape[:2]
    with torch.no_grad():
        target = inputs.target[: b * k : k]
        known, _ = frozen_e_i(torch.cat([target[:, None], batch.negatives], 1).flatten(0, 1))
        known = known.view(b, 1 + n_neg, -1)
        centre = known.mean(1)
    generated, _ = frozen_e_i(inputs.generated[k - 1 : b * k : k])
    return losses.npair_neutral(known[:, 0] - centre, generated - centre, known[:, 1:] - centre[:, None])


def adversarial_terms(w: LossWeights, fake: tuple[Tensor, Tensor], batch: Batch) -> dict[str, Tensor]:
    """L_adv and L_e-adv for the talker; ``fake`` are D's patch and emotion outputs on generated frames."""
    out = {}
    if w.adv:
        out["adv"] = losses.adversarial_g(fake[0])
    if w.e_adv:
        out["e_adv"] = losses.emotion_adv_g(clip_scores(fake[1], len(batch.emotion)), batch.emotion)
    return out


def discriminator_loss(
    w: LossWeights, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor], batch: Batch
) -> Tensor:
    """The adversary's loss: D and, where the phase has it, D_E."""
    total = losses.adversarial_d(real[0], fake[0])
    if w.e_adv:
        b = len(batch.emotion)
        total = total + losses.emotion_adv_d(clip_scores(real[1], b), clip_scores(fake[1], b), batch.emotion)
    return total


def clip_scores(scores: Tensor, clips: int) -> Tensor:
    """Mean of the frames' emotion scores over each clip's window: (B*K,8) -> (B,8)."""
    return scores.view(clips, -1, scores.shape[-1]).mean(1)


def weighted(terms: dict[str, Tensor], w: LossWeights) -> Tensor:
    """Sum of lambda times term."""
    return torch.stack([float(getattr(w, name)) * value.float() for name, value in terms.items()]).sum()


def run_talker(talker: Talker, batch: Batch, *, emotional: bool, from_pixels: bool) -> tuple[Tensor, Latents]:
    """Forward pass -> flat frames (B*K,3,S,S) and the latents. Without ``from_pixels`` G sees the measured lips."""
    measured = None if from_pixels else lip_movement(batch)
    frames, latents = talker(batch.image, batch.mel, batch.picks, emotional=emotional, measured_lips=measured)
    return frames.flatten(0, 1), latents


def lip_shapes(batch: Batch) -> Tensor:
    """``lip_shape`` of the prepared landmarks, (B,T,40)."""
    return lip_shape(batch.landmarks.flatten(0, 1)).view(*batch.landmarks.shape[:2], -1)


def lip_movement(batch: Batch) -> Tensor:
    """How they move about their mean over the window, as ``LipHead`` says it: (B,T,40)."""
    shapes = lip_shapes(batch)
    return shapes - shapes.mean(1, keepdim=True)


def colour_blind(frames: Tensor) -> Tensor:
    """The same frames (N,3,S,S); what comes back through them has one value for all three colours.

    A frozen network can also be fooled by colours, and G finds those too: lips of magenta whose landmarks are perfect.
    With this the networks inside the losses tell G how bright a pixel should be, and only L_pix and D its colour.
    """
    seen = frames.view_as(frames)
    if seen.requires_grad:
        seen.register_hook(lambda gradient: gradient.mean(1, keepdim=True).expand_as(gradient))  # type: ignore[no-untyped-call]
    return seen


def soften(frames: Tensor) -> Tensor:
    """Frames (N,3,S,S) through the binomial filter (1,2,1)/4 both ways, as the teacher sees them in every loss.

    A frozen network can be fooled by patterns of single pixels, and G finds them: lips drawn as zigzags whose landmarks
    are perfect. The filter is zero at the finest frequency, so such patterns gain nothing.
    """
    for axis in (-1, -2):
        low = torch.cat([frames.narrow(axis, 0, 1), frames.narrow(axis, 0, frames.shape[axis] - 1)], axis)
        high = torch.cat([frames.narrow(axis, 1, frames.shape[axis] - 1), frames.narrow(axis, -1, 1)], axis)
        frames = 0.5 * frames + 0.25 * (low + high)
    return frames

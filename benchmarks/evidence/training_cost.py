"""What a training plan costs a step: multiply-accumulates and memory, counted without a GPU; time and money worked out.

    python -m benchmarks.evidence.training_cost --plan paper-256

Counted on fake tensors (shapes without numbers): the operations of one micro-batch by ``torch.utils.flop_counter`` and
the bytes autograd keeps for the backward pass. Worked out from them, with assumptions that stand in the record: hours
and prices per GPU kind. No GPU is touched; nothing of the second kind is a measurement.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.evidence.common import Figures, main
from eap.model import ModelConfig, Talker
from eap.model.discriminator import FrameDiscriminator
from eap.model.intensity import IntensityRegressor
from eap.perception.official.efficientnet import HSEmotionB0
from eap.perception.official.fan import FAN, FanLandmarks
from eap.perception.official.teacher import PublishedTeacher, tap_weights
from eap.perception.official.vgg import VGG19, VggTaps
from eap.training.batches import METRIC_CLIPS, Batch
from eap.training.plan import TrainingPlan, load_plan
from eap.training.recipes import Recipe
from eap.training.terms import (
    AuxHeads,
    StepInputs,
    Teachers,
    adversarial_terms,
    discriminator_loss,
    run_talker,
    soften,
    talker_terms,
    voice_terms,
    weighted,
)

GPUS: dict[str, tuple[float, float, float]] = {
    "RTX 4090": (165.0, 24.0, 0.5),
    "A100 40 GB": (312.0, 40.0, 1.5),
    "A100 80 GB": (312.0, 80.0, 2.0),
    "H100 80 GB": (989.0, 80.0, 3.0),
    "H200 141 GB": (989.0, 141.0, 4.0),
}
"""Dense bfloat16 TFLOP/s and GB of the makers' data sheets, and US dollars an hour *assumed* for the arithmetic."""
UTILISATION = 0.25
"""Share of the data sheet's rate that is *assumed* to be reached: convolutions of 64 to 512 channels, small batches."""
RESERVE = 1.4
"""Factor *assumed* on kept activations for what is not kept: temporaries, cuDNN's workspace, the allocator's gaps."""


@dataclass(frozen=True)
class Networks:
    """All modules of a phase, on fake tensors."""

    talker: Talker
    aux: AuxHeads
    critic: FrameDiscriminator
    teachers: Teachers
    frozen_e_i: nn.Module | None


@dataclass(frozen=True)
class StepCost:
    """Of one micro-batch: multiply-accumulates of forward and backward, bytes kept for the backward pass."""

    macs: float
    kept_bytes: float


def networks(plan: TrainingPlan, phase: Recipe) -> Networks:
    """The plan's networks with the published teachers. Call it under a FakeTensorMode."""
    config = ModelConfig.from_dict({**plan.model.to_dict(), "constant_alpha": phase.constant_alpha})
    talker = Talker(config)
    for name in phase.freeze:
        getattr(talker, name).requires_grad_(False)
    critic = FrameDiscriminator() if plan.d_channels is None else FrameDiscriminator(plan.d_channels)
    face = PublishedTeacher(FanLandmarks(FAN()), VggTaps(VGG19().features), HSEmotionB0())
    psi = IntensityRegressor(PublishedTeacher.width).requires_grad_(False)
    frozen = Talker(config).E_I.requires_grad_(False) if phase.weights.metric else None
    return Networks(talker, AuxHeads(config.latent), critic, Teachers(face, psi, tap_weights(config.size)), frozen)


def fake_batch(phase: Recipe, size: int, clips: int, *, frames: bool) -> Batch:
    """A batch of the phase's shapes."""
    t, k = phase.window, phase.picks
    metric = frames and bool(phase.weights.metric)
    return Batch(
        image=torch.rand(clips, 3, size, size),
        mel=torch.rand(clips, 4 * t, 80),
        picks=torch.zeros(clips, k, dtype=torch.long),
        target=torch.rand(clips, k, 3, size, size) if frames else None,
        emotion=torch.zeros(clips, dtype=torch.long),
        negatives=torch.rand(min(METRIC_CLIPS, clips), 7, 3, size, size) if metric else None,
        landmarks=torch.rand(clips, t, 68, 2),
        image_landmarks=torch.rand(clips, 68, 2),
        va=torch.rand(clips, t, 2),
    )


def picture_step(nets: Networks, phase: Recipe, batch: Batch) -> None:
    """One talker step and one adversary step, as `eap.training.loop.Trainer` takes them with everything on."""
    with torch.autocast("cpu", torch.bfloat16):
        generated, latents = run_talker(nets.talker, batch, emotional=phase.emotional, from_pixels=True)
    assert batch.target is not None
    target, generated = batch.target.flatten(0, 1), generated.float()
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            real = nets.teachers.face(soften(target))
        fake = nets.teachers.face(soften(generated))
    inputs = StepInputs(batch, latents, generated, target, fake, real)
    terms = talker_terms(phase, inputs, nets.aux, nets.teachers, nets.frozen_e_i)
    nets.critic.requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16):
        judged = nets.critic(generated)
    terms |= adversarial_terms(phase.weights, judged, batch)
    weighted(terms, phase.weights).backward()  # type: ignore[no-untyped-call]
    nets.critic.requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16):
        patch, emotion = nets.critic(torch.cat([target, generated.detach()]))
    n = len(target)
    discriminator_loss(phase.weights, (patch[:n], emotion[:n]), (patch[n:], emotion[n:]), batch).backward()  # type: ignore[no-untyped-call]


def voice_step(nets: Networks, phase: Recipe, batch: Batch) -> None:
    """A step that trains the audio side alone."""
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            z_id, _ = nets.talker.E_I(batch.image)
        latents = nets.talker.latents(z_id, batch.mel, emotional=phase.emotional)
    weighted(voice_terms(phase.weights, batch, latents, nets.aux), phase.weights).backward()  # type: ignore[no-untyped-call]


def step_cost(nets: Networks, phase: Recipe, size: int, clips: int, *, frames: bool) -> StepCost:
    """Count one micro-batch of ``clips`` clips. Call it under the FakeTensorMode of ``nets``."""
    from torch.utils.flop_counter import FlopCounterMode

    kept: dict[int, int] = {}
    holding: list[Any] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
        holding.append(storage)  # alive until the end: an address must not be given twice
        return tensor

    modules = [nets.talker, nets.aux, nets.critic, nets.teachers.face, nets.teachers.psi, nets.frozen_e_i]
    weights = {p.untyped_storage()._cdata for module in modules if module is not None for p in module.parameters()}
    batch = fake_batch(phase, size, clips, frames=frames)
    counter = FlopCounterMode(display=False)
    with counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        (picture_step if frames else voice_step)(nets, phase, batch)
    bytes_kept = sum(size for address, size in kept.items() if address not in weights)
    return StepCost(counter.get_total_flops() / 2, float(bytes_kept))


def state_bytes(nets: Networks) -> dict[str, float]:
    """Bytes that stand whatever the batch: weights, gradients, Adam's two moments, EMA, frozen networks.

    Trainable parameters of the talker: 4 + 4 + 8 bytes and 4 for the EMA; of D: 16; frozen ones 4. Data parallelism
    adds one flat copy of the gradients.
    """

    def count(module: nn.Module | None, trainable: bool | None = None) -> int:
        if module is None:
            return 0
        return sum(p.numel() for p in module.parameters() if trainable is None or p.requires_grad is trainable)

    moving, still = count(nets.talker, True) + count(nets.aux), count(nets.talker, False)
    teachers = count(nets.teachers.face) + count(nets.teachers.psi)
    frozen = teachers + count(nets.frozen_e_i)
    return {
        "talker_parameters": count(nets.talker),
        "trained_parameters": moving,
        "teacher_parameters": teachers,
        "discriminator_parameters": count(nets.critic),
        "single_gb": (20 * moving + 8 * still + 16 * count(nets.critic) + 4 * frozen) / 1e9,
        "data_parallel_extra_gb": 4 * moving / 1e9,
    }


def count_phase(plan: TrainingPlan, phase: Recipe) -> tuple[StepCost, StepCost, StepCost, dict[str, float]]:
    """Picture steps of two sizes, a voice step, and what stands in memory; on tensors without numbers."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        nets = networks(plan, phase)
        size = plan.model.size
        small, large = (step_cost(nets, phase, size, n, frames=True) for n in (METRIC_CLIPS, 2 * METRIC_CLIPS))
        return small, large, step_cost(nets, phase, size, phase.voice_batch, frames=False), state_bytes(nets)


def phase_figures(plan: TrainingPlan, phase: Recipe) -> Figures:
    """Counted cost of a phase: per clip from two sizes of micro-batch, in a step and in all."""
    small, large, voice, state = count_phase(plan, phase)
    per_clip = (large.macs - small.macs) / METRIC_CLIPS
    kept = (large.kept_bytes - small.kept_bytes) / METRIC_CLIPS
    micro_macs = small.macs + (phase.batch - METRIC_CLIPS) * per_clip
    pictures = phase.all_steps - phase.voice_steps
    total = plan.scale.micro_batches * (pictures * micro_macs + phase.voice_steps * voice.macs)
    activations = (small.kept_bytes + (phase.batch - METRIC_CLIPS) * kept) / 1e9
    return {
        "steps": phase.all_steps,
        "gmac_per_picture_micro_batch": micro_macs / 1e9,
        "gmac_per_frame": per_clip / phase.picks / 1e9,
        "gmac_per_voice_micro_batch": voice.macs / 1e9,
        "gmac_per_step": plan.scale.micro_batches * micro_macs / 1e9,
        "exa_mac_in_all": total / 1e18,
        "kept_gb_per_clip": kept / 1e9,
        "kept_gb_per_micro_batch": activations,
        "memory_gb": state["single_gb"] + state["data_parallel_extra_gb"] + RESERVE * activations,
        "state": state,
    }


def gpu_figures(plan: TrainingPlan, phases: dict[str, Figures]) -> Figures:
    """Hours and dollars of the whole plan on GPUs of each kind, from the counts and the assumptions."""
    macs = sum(figures["exa_mac_in_all"] for figures in phases.values()) * 1e18
    need = max(figures["memory_gb"] for figures in phases.values())
    out: Figures = {}
    for name, (tflops, memory, price) in GPUS.items():
        hours = 2 * macs / (tflops * 1e12 * UTILISATION) / 3600
        out[name] = {
            "fits": "yes" if need <= memory else f"no: {need:.0f} GB; halve batch, double micro_batches",
            "gpu_hours": round(hours),
            "days_on_8": round(hours / 8 / 24, 2),
            "dollars": round(hours * price),
        }
    return out


def measure(args: argparse.Namespace) -> Figures:
    """Everything of one plan."""
    plan = load_plan(args.plan)
    phases = {phase.name: phase_figures(plan, phase) for phase in plan.phases}
    frame = plan.model.size**2 * 3 + 4 * 80 * 2 + 68 * 2 * 4 + 12 + 12
    return {
        "plan": plan.name,
        "micro_batches": plan.scale.micro_batches,
        "phases": phases,
        "gpus": gpu_figures(plan, phases),
        "assumed": {"utilisation": UTILISATION, "reserve": RESERVE,
                    "gpus": {name: {"tflops": t, "gb": g, "dollars_per_hour": p} for name, (t, g, p) in GPUS.items()}},
        "array_kb_per_frame": frame / 1e3,
        "array_gb_per_hour": frame * 25 * 3600 / 1e9,
    }  # fmt: skip


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--plan", default="paper-256", help="a shipped plan, or the path of one")


if __name__ == "__main__":
    main("training_cost", __doc__, measure, _options)

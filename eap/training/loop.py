"""The training loop of all phases: talker step, adversary step, EMA, log, sample sheet, checkpoint."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eap.data.arrays import ArraySet
from eap.errors import DataError
from eap.model import ModelConfig, Talker
from eap.model.discriminator import FrameDiscriminator
from eap.perception.teachers import FaceReading
from eap.training.batches import Batch, Batches
from eap.training.checkpoints import load_checkpoint, save_checkpoint
from eap.training.picture import write_png
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

PRETRAINED = ("E_I", "E_A", "fusion", "lip", "G")
"""Parts an earlier phase has trained; they take ``lr_pretrained``."""


@dataclass(frozen=True)
class TrainResult:
    """The EMA weights, the training-only heads and the last logged means."""

    talker: Talker
    aux: AuxHeads
    log: dict[str, float]
    seconds: float


class Trainer:
    """One run of one recipe. Same recipe, arrays, init and device: the same weights, killed and resumed or not."""

    def __init__(
        self,
        recipe: Recipe,
        arrays: ArraySet,
        teachers: Teachers,
        out: Path,
        *,
        init: dict[str, Tensor] | None = None,
        init_aux: dict[str, Tensor] | None = None,
        config: ModelConfig | None = None,
        va: NDArray[np.float32] | None = None,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.device = recipe, out, torch.device(device)
        self.batches = Batches(arrays, recipe, va)
        base = config or ModelConfig(size=arrays.size)
        self.config = ModelConfig.from_dict({**base.to_dict(), "constant_alpha": recipe.constant_alpha})
        self.talker = Talker(self.config).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.aux = AuxHeads(self.config.latent).to(self.device)
        self.D = FrameDiscriminator().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if init is not None:
            self.talker.load_state_dict(init)
        if init_aux is not None:
            self.aux.load_state_dict(init_aux)
        self.ema = copy.deepcopy(self.talker).eval().requires_grad_(False)
        self.frozen_e_i = copy.deepcopy(self.talker.E_I).eval().requires_grad_(False) if recipe.weights.metric else None
        for module in (teachers.face, teachers.psi):
            module.to(self.device).eval().requires_grad_(False)
        self.teachers = teachers
        self._freeze()
        self._make_optimisers()
        self.step = 0
        self.seconds = 0.0
        self._resume()

    def _freeze(self) -> None:
        for name in self.recipe.freeze:
            if not hasattr(self.talker, name):
                raise DataError(f"recipe {self.recipe.name}: nothing called {name!r} to freeze")
            getattr(self.talker, name).requires_grad_(False)

    def _make_optimisers(self) -> None:
        o = self.recipe.optim
        old: list[nn.Parameter] = []
        new: list[nn.Parameter] = list(self.aux.parameters())
        for name, child in self.talker.named_children():
            pretrained = name in PRETRAINED and bool(self.recipe.init)
            (old if pretrained else new).extend(p for p in child.parameters() if p.requires_grad)
        groups = [{"params": new, "lr": o.lr}, {"params": old, "lr": o.lr_pretrained}]
        kept = [g for g in groups if g["params"]]
        self.optimiser = torch.optim.AdamW(kept, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
        self.base_lrs = [g["lr"] for g in self.optimiser.param_groups]
        self.optimiser_d = torch.optim.Adam(self.D.parameters(), lr=o.lr_d, betas=(0.0, 0.99))

    def run(self, progress: Callable[[int, dict[str, float]], None] | None = None, every: int = 20) -> TrainResult:
        """Train to the recipe's last step; log every ``every`` steps, checkpoint every 100."""
        self.talker.train()
        means: dict[str, float] = {}
        window: list[dict[str, float]] = []
        while self.step < self.recipe.all_steps:
            started = time.perf_counter()
            window.append(self._one_step(self.step))
            self.step += 1
            self.seconds += time.perf_counter() - started
            if self.step % every == 0 or self.step == self.recipe.all_steps:
                means = {k: float(np.mean([w[k] for w in window if k in w])) for k in window[-1]}
                window = []
                self._log(means)
                if progress:
                    progress(self.step, means)
            if self.step % 100 == 0 or self.step == self.recipe.all_steps:
                self._checkpoint()
        return TrainResult(self.ema, self.aux, means, self.seconds)

    def _one_step(self, step: int) -> dict[str, float]:
        batch = self._to_device(self.batches.draw(step))
        for group, base in zip(self.optimiser.param_groups, self.base_lrs, strict=True):
            group["lr"] = base * self._schedule(step)
        if step < self.recipe.voice_steps:
            return self._voice_step(batch, step)
        adversary = self._adversary_on(step)
        inputs = self._forward(batch, from_pixels=step >= self.recipe.optim.voice_from_pixels * self.recipe.steps)
        terms = talker_terms(self.recipe, inputs, self.aux, self.teachers, self.frozen_e_i)
        if adversary:
            self.D.requires_grad_(False)
            terms |= adversarial_terms(self.recipe.weights, self._judge(inputs.generated), batch)
            self.D.requires_grad_(True)
        logged = self._descend(terms, step)
        if adversary:
            logged["d"] = self._adversary_step(inputs, batch)
        return logged

    def _voice_step(self, batch: Batch, step: int) -> dict[str, float]:
        """Train the audio side alone; E_I only lends its latent."""
        with torch.autocast(self.device.type, torch.bfloat16):
            with torch.no_grad():
                z_id, _ = self.talker.E_I(batch.image)
            latents = self.talker.latents(z_id, batch.mel, emotional=self.recipe.emotional)
        terms = voice_terms(self.recipe.weights, batch, latents, self.aux)
        return self._descend(terms, step)

    def _descend(self, terms: dict[str, Tensor], step: int) -> dict[str, float]:
        """One optimiser step on the weighted terms; returns them for the log."""
        loss = weighted(terms, self.recipe.weights_at(step))
        self._refuse_nan(loss, step)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._trainable(), self.recipe.optim.clip)
        self.optimiser.step()
        self._update_ema(step)
        return {name: float(value.detach()) for name, value in terms.items()} | {"total": float(loss.detach())}

    def _forward(self, batch: Batch, *, from_pixels: bool = True) -> StepInputs:
        with torch.autocast(self.device.type, torch.bfloat16):
            generated, latents = run_talker(
                self.talker, batch, emotional=self.recipe.emotional, from_pixels=from_pixels
            )
        assert batch.target is not None, "a picture step draws targets"
        target = batch.target.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        generated = generated.float().contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            target_reading = self._read(target)
        return StepInputs(
            batch=batch,
            latents=latents,
            generated=generated,
            target=target,
            generated_reading=self._read(generated),
            target_reading=target_reading,
        )

    def _read(self, frames: Tensor) -> FaceReading:
        """The frozen teacher, in bfloat16 where that is twice as fast; what is compared is float32 again."""
        with torch.autocast(self.device.type, torch.bfloat16):
            reading: FaceReading = self.teachers.face(soften(frames))
        return FaceReading(
            landmarks=reading.landmarks.float(),
            emotion_logits=reading.emotion_logits.float(),
            va=reading.va.float(),
            embedding=reading.embedding.float(),
            taps=reading.taps,
        )

    def _judge(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16):
            out: tuple[Tensor, Tensor] = self.D(frames)
        return out

    def _adversary_step(self, inputs: StepInputs, batch: Batch) -> float:
        # One pass over both halves: spectral norm then does one power iteration per step, not two.
        both = torch.cat([inputs.target, inputs.generated.detach()])
        patch, emotion = self._judge(both)
        n = len(inputs.target)
        loss = discriminator_loss(self.recipe.weights, (patch[:n], emotion[:n]), (patch[n:], emotion[n:]), batch)
        self.optimiser_d.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser_d.step()
        return float(loss.detach())

    def _adversary_on(self, step: int) -> bool:
        w = self.recipe.weights
        return bool(w.adv or w.e_adv) and step >= self.recipe.optim.adversary_from * self.recipe.steps

    def _schedule(self, step: int) -> float:
        """Linear warm-up, then cosine to 5 %; the finishing steps once more from their own height."""
        o, total, finish = self.recipe.optim, self.recipe.steps, self.recipe.finish
        if step >= total:
            share = (step - total) / finish.steps
            return float(finish.lr * (0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * share))))
        if step < o.warmup:
            return (step + 1) / o.warmup
        share = (step - o.warmup) / max(1, total - o.warmup)
        return float(0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * share)))

    def _update_ema(self, step: int) -> None:
        decay = min(self.recipe.optim.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.ema.parameters()), list(self.talker.parameters()), 1 - decay)
            for mean_buffer, buffer in zip(self.ema.buffers(), self.talker.buffers(), strict=True):
                mean_buffer.copy_(buffer)

    def _trainable(self) -> list[nn.Parameter]:
        return [p for group in self.optimiser.param_groups for p in group["params"]]

    def _refuse_nan(self, loss: Tensor, step: int) -> None:
        if not torch.isfinite(loss):
            raise DataError(
                f"recipe {self.recipe.name}: loss is not finite at step {step} (seed {self.recipe.seed})",
                fix="the last checkpoint is kept; lower the learning rate or look at that batch",
            )

    def _to_device(self, batch: Batch) -> Batch:
        if self.device.type == "cpu":
            return batch
        moved = {k: v.to(self.device) if isinstance(v, Tensor) else v for k, v in vars(batch).items()}
        return Batch(**moved)

    # ---- records

    def _log(self, means: dict[str, float]) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        line = {"step": self.step, "seconds": round(self.seconds, 1), **{k: round(v, 6) for k, v in means.items()}}
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def _state(self) -> dict[str, Any]:
        return {
            "recipe": json.dumps(self.recipe.to_dict(), sort_keys=True),
            "step": self.step,
            "seconds": self.seconds,
            "talker": self.talker.state_dict(),
            "ema": self.ema.state_dict(),
            "aux": self.aux.state_dict(),
            "D": self.D.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "optimiser_d": self.optimiser_d.state_dict(),
        }

    def _checkpoint(self) -> None:
        save_checkpoint(self.out / "checkpoint.pt", self._state())
        write_png(self.out / "samples.png", self.sample_sheet())

    def _resume(self) -> None:
        state = load_checkpoint(self.out / "checkpoint.pt")
        if state is None:
            return
        if state["recipe"] != json.dumps(self.recipe.to_dict(), sort_keys=True):
            raise DataError(f"{self.out}: checkpoint of another recipe", fix="delete the folder or choose another")
        self.talker.load_state_dict(state["talker"])
        self.ema.load_state_dict(state["ema"])
        self.aux.load_state_dict(state["aux"])
        self.D.load_state_dict(state["D"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.optimiser_d.load_state_dict(state["optimiser_d"])
        self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def sample_sheet(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Rows: reference, targets, generated frames of the EMA weights on one fixed batch."""
        batch = self._to_device(self.batches.draw(10**9))
        assert batch.target is not None, "a step that late trains the picture"
        with torch.no_grad(), torch.autocast(self.device.type, torch.bfloat16):
            frames, _ = self.ema(batch.image, batch.mel, batch.picks, emotional=self.recipe.emotional)
        columns = []
        for i in range(len(batch.image)):
            rows = [batch.image[i], *batch.target[i, :2], *frames[i, :2].float()]
            columns.append(torch.cat(rows, 1))
        sheet = torch.cat(columns, 2).permute(1, 2, 0).cpu().numpy()
        out: np.ndarray[Any, np.dtype[np.uint8]] = (sheet * 255 + 0.5).clip(0, 255).astype(np.uint8)
        return out

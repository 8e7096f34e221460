"""The training loop of all phases: talker step, adversary step, EMA, log, sample sheet, curves, checkpoint.

One loop for one core and for many GPUs: a step is a number of micro-batches (``eap.training.parallel``), each process
runs its share one after another, then gradients are averaged and every process takes the same optimiser step.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
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
from eap.training.ahead import Ahead
from eap.training.batches import Batch, Batches
from eap.training.checkpoints import load_checkpoint, save_checkpoint
from eap.training.parallel import Group, Scale
from eap.training.picture import write_png
from eap.training.recipes import Recipe
from eap.training.records import append_row, cut_back, write_curves
from eap.training.terms import (
    AuxHeads,
    StepInputs,
    Teachers,
    adversarial_terms,
    colour_blind,
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


_KEPT = "the last checkpoint is kept; lower the learning rate or look at those clips"


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
        scale: Scale = Scale(),  # noqa: B008 - frozen
        group: Group = Group(),  # noqa: B008 - frozen
        d_channels: tuple[int, int, int, int] | None = None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.out, self.device = recipe, out, torch.device(device)
        self.scale, self.group = scale, group
        self.mine = group.share(scale.micro_batches)
        self.batches = Batches(arrays, recipe, va)
        self.ahead = Ahead(self.batches.draw, self.mine, recipe.all_steps, scale.prefetch)
        base = config or ModelConfig(size=arrays.size)
        self.config = ModelConfig.from_dict({**base.to_dict(), "constant_alpha": recipe.constant_alpha})
        self.talker = Talker(self.config).to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.aux = AuxHeads(self.config.latent).to(self.device)
        critic = FrameDiscriminator() if d_channels is None else FrameDiscriminator(d_channels)
        self.D = critic.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if init is not None:
            self.talker.load_state_dict(init)
        if init_aux is not None:
            self.aux.load_state_dict(init_aux)
        group.same_start((self.talker, self.aux, self.D))
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

    def run(
        self,
        progress: Callable[[int, dict[str, float]], None] | None = None,
        every: int = 20,
        checkpoint_every: int = 100,
    ) -> TrainResult:
        """Train to the recipe's last step; log every ``every`` steps, checkpoint every ``checkpoint_every``."""
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
            if self.step % checkpoint_every == 0 or self.step == self.recipe.all_steps:
                self._checkpoint()
        self.ahead.close()
        return TrainResult(self.ema, self.aux, means, self.seconds)

    def _one_step(self, step: int) -> dict[str, float]:
        for group, base in zip(self.optimiser.param_groups, self.base_lrs, strict=True):
            group["lr"] = base * self._schedule(step)
        adversary = self._adversary_on(step)
        self.optimiser.zero_grad(set_to_none=True)
        logged: list[dict[str, float]] = []
        pairs: list[tuple[Tensor, Tensor, Batch]] = []
        for batch in self._my_batches(step):
            if step < self.recipe.voice_steps:
                terms = self._voice_terms(batch)
            else:
                inputs = self._forward(batch, from_pixels=self._from_pixels(step))
                terms = talker_terms(self.recipe, inputs, self.aux, self.teachers, self.frozen_e_i)
                if adversary:
                    self.D.requires_grad_(False)
                    terms |= adversarial_terms(self.recipe.weights, self._judge(inputs.generated), batch)
                    self.D.requires_grad_(True)
                    pairs.append((inputs.target, inputs.generated.detach(), batch))
            logged.append(self._backward(terms, step, batch))
        self._descend(step)
        if adversary:
            for row, d in zip(logged, self._adversary_step(pairs, step), strict=True):
                row["d"] = d
        names = list(logged[0])
        mine = [float(np.mean([row[name] for row in logged])) for name in names]
        return dict(zip(names, self.group.mean(mine, self.device), strict=True))

    def _my_batches(self, step: int) -> Iterator[Batch]:
        """This process's micro-batches. D's spectral norms iterate at the first one alone, as they do in a process
        that has but one."""
        for micro in self.mine:
            self.D.train(micro == self.mine[0])
            yield self._to_device(self.ahead.draw(step, micro))
        self.D.train()

    def _from_pixels(self, step: int) -> bool:
        return step >= self.recipe.optim.voice_from_pixels * self.recipe.steps

    def _voice_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Train the audio side alone; E_I only lends its latent."""
        with self._mixed():
            with torch.no_grad():
                z_id, _ = self.talker.E_I(batch.image)
            latents = self.talker.latents(z_id, batch.mel, emotional=self.recipe.emotional)
        return voice_terms(self.recipe.weights, batch, latents, self.aux)

    def _backward(self, terms: dict[str, Tensor], step: int, batch: Batch) -> dict[str, float]:
        """Add the gradients of one micro-batch's weighted terms; returns them for the log."""
        loss = weighted(terms, self.recipe.weights_at(step))
        self._refuse_nan(terms | {"total": loss}, step, batch)
        (loss / len(self.mine)).backward()  # type: ignore[no-untyped-call]
        return {name: float(value.detach()) for name, value in terms.items()} | {"total": float(loss.detach())}

    def _descend(self, step: int) -> None:
        """One optimiser step on the gradients of all processes."""
        self.group.mean_gradients(self._trainable())
        norm = nn.utils.clip_grad_norm_(self._trainable(), self.recipe.optim.clip)
        self._refuse_gradient(norm, step, "the talker")
        self.optimiser.step()
        self._update_ema(step)

    def _mixed(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.scale.precision == "bf16")

    def _forward(self, batch: Batch, *, from_pixels: bool = True) -> StepInputs:
        with self._mixed():
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
            generated_reading=self._read(colour_blind(generated)),
            target_reading=target_reading,
        )

    def _read(self, frames: Tensor) -> FaceReading:
        """The frozen teacher, in bfloat16 where that is twice as fast; what is compared is float32 again."""
        with self._mixed():
            reading: FaceReading = self.teachers.face(soften(frames))
        return FaceReading(
            landmarks=reading.landmarks.float(),
            emotion_logits=reading.emotion_logits.float(),
            va=reading.va.float(),
            embedding=reading.embedding.float(),
            taps=reading.taps,
        )

    def _judge(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        with self._mixed():
            out: tuple[Tensor, Tensor] = self.D(frames)
        return out

    def _adversary_step(self, pairs: list[tuple[Tensor, Tensor, Batch]], step: int) -> list[float]:
        """D's and D_E's step on (real frames, generated frames, batch) of each micro-batch; returns their losses."""
        found = []
        self.optimiser_d.zero_grad(set_to_none=True)
        for place, (real, fake, batch) in enumerate(pairs):
            self.D.train(place == 0)
            # One pass over both halves: spectral norm then does one power iteration per step, not two.
            patch, emotion = self._judge(torch.cat([real, fake]))
            n = len(real)
            loss = discriminator_loss(self.recipe.weights, (patch[:n], emotion[:n]), (patch[n:], emotion[n:]), batch)
            self._refuse_nan({"d": loss}, step, batch)
            (loss / len(pairs)).backward()  # type: ignore[no-untyped-call]
            found.append(float(loss.detach()))
        self.D.train()
        self.group.mean_gradients(self.D.parameters())
        self.optimiser_d.step()
        return found

    def _adversary_on(self, step: int) -> bool:
        w, o, recipe = self.recipe.weights, self.recipe.optim, self.recipe
        return bool(w.adv or w.e_adv) and step >= max(o.adversary_from * recipe.steps, recipe.voice_steps)

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

    def _refuse_nan(self, terms: dict[str, Tensor], step: int, batch: Batch) -> None:
        """Stop before anything is changed when a term is not finite here or in another process; name the batch."""
        bad = [name for name, value in terms.items() if not bool(torch.isfinite(value))]
        if not self.group.any(bool(bad), self.device):
            return
        where = f"{', '.join(bad)} of [{'; '.join(batch.names)}]" if bad else "in another process"
        raise DataError(f"recipe {self.recipe.name}: loss is not finite at step {step}: {where}", fix=_KEPT)

    def _refuse_gradient(self, norm: Tensor, step: int, whose: str) -> None:
        if not bool(torch.isfinite(norm)):
            names = "; ".join(name for micro in self.mine for name in self.batches.draw(step, micro).names)
            raise DataError(
                f"recipe {self.recipe.name}: gradient of {whose} is not finite at step {step}: [{names}]", fix=_KEPT
            )

    def _to_device(self, batch: Batch) -> Batch:
        if self.device.type == "cpu":
            return batch
        moved: dict[str, Any] = {
            name: value.pin_memory().to(self.device, non_blocking=True)
            for name, value in vars(batch).items()
            if isinstance(value, Tensor)
        }
        return replace(batch, **moved)

    # ---- records

    def _log(self, means: dict[str, float]) -> None:
        if self.group.first:
            rounded = {name: round(value, 6) for name, value in means.items()}
            append_row(self.out, {"step": self.step, "seconds": round(self.seconds, 1), **rounded})

    def _state(self) -> dict[str, Any]:
        return {
            "recipe": json.dumps(self.recipe.to_dict(), sort_keys=True),
            "scale": self._scale(),
            "step": self.step,
            "seconds": self.seconds,
            "talker": self.talker.state_dict(),
            "ema": self.ema.state_dict(),
            "aux": self.aux.state_dict(),
            "D": self.D.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "optimiser_d": self.optimiser_d.state_dict(),
        }

    def _scale(self) -> str:
        """What of the scale changes the weights: not how many processes there are."""
        return json.dumps({name: value for name, value in asdict(self.scale).items() if name != "prefetch"})

    def _checkpoint(self) -> None:
        """Checkpoint, sample sheet and curves, by the first process; the others wait for it."""
        if self.group.first:
            save_checkpoint(self.out / "checkpoint.pt", self._state())
            write_png(self.out / "samples.png", self.sample_sheet())
            write_curves(self.out, f"{self.recipe.name}: {self.recipe.title}", self._marks())
        self.group.wait()

    def _marks(self) -> dict[str, int]:
        """Steps at which a recipe changes what is trained."""
        r = self.recipe
        marks = {"pictures start": r.voice_steps, "finishing steps start": r.steps}
        if r.weights.adv or r.weights.e_adv:
            marks["adversary starts"] = round(r.optim.adversary_from * r.steps)
        return marks | {"G hears the voice's own lips": round(r.optim.voice_from_pixels * r.steps)}

    def _resume(self) -> None:
        state = load_checkpoint(self.out / "checkpoint.pt")
        if state is not None:
            self._restore(state)
        self.group.require_same(self.step, f"{self.out}: the checkpoint", self.device)
        if self.group.first:
            cut_back(self.out, self.step)

    def _restore(self, state: dict[str, Any]) -> None:
        if state["recipe"] != json.dumps(self.recipe.to_dict(), sort_keys=True):
            raise DataError(f"{self.out}: checkpoint of another recipe", fix="delete the folder or choose another")
        if state.get("scale", json.dumps({"micro_batches": 1, "precision": "bf16"})) != self._scale():
            raise DataError(f"{self.out}: checkpoint of another scale", fix="go on with the one it was started with")
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
        with torch.no_grad(), self._mixed():
            frames, _ = self.ema(batch.image, batch.mel, batch.picks, emotional=self.recipe.emotional)
        columns = []
        for i in range(len(batch.image)):
            rows = [batch.image[i], *batch.target[i, :2], *frames[i, :2].float()]
            columns.append(torch.cat(rows, 1))
        sheet = torch.cat(columns, 2).permute(1, 2, 0).cpu().numpy()
        out: np.ndarray[Any, np.dtype[np.uint8]] = (sheet * 255 + 0.5).clip(0, 255).astype(np.uint8)
        return out

"""The training loop all perception networks share: AdamW, cosine over the budget, averaged weights, one report."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Budget:
    """How long to fit. With `steps` the result depends on the seed alone; with seconds also on the machine."""

    seconds: float = 300.0
    steps: int | None = None
    threads: int = 1
    cpu_time: bool = False
    """Count seconds the process computed (over `threads`) instead of seconds on the wall: for busy machines."""

    def now(self) -> float:
        """The clock of this budget, seconds."""
        return time.process_time() / self.threads if self.cpu_time else time.monotonic()

    def progress(self, started: float, step: int) -> float:
        """Part of the budget that is spent since `started` (of `now`): 0..1 and beyond."""
        if self.steps is not None:
            return step / max(1, self.steps)
        return (self.now() - started) / max(1e-9, self.seconds)


@dataclass(frozen=True)
class FitReport:
    """What was fitted, on whom, and how well it does on people it never saw."""

    name: str
    architecture: str
    seed: int
    seconds: float
    steps: int
    samples: int
    parameters: int
    macs: int
    """Multiply-accumulates per frame (audio probe: per frame of the clip)."""
    identities: tuple[str, ...]
    held_out_identities: tuple[str, ...]
    measured: dict[str, float] = field(default_factory=dict)
    """Held-out figures; every fit function's docstring names its own."""


def seed_all(seed: int, threads: int) -> torch.Generator:
    """Seed torch, set its thread count, and return a generator for augmentation."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed + 1)


class Average(Generic[M]):
    """Exponential average of a module's floating-point state; integer buffers are copied."""

    def __init__(self, module: M, decay: float = 0.998) -> None:
        self.decay = decay
        self.module = copy.deepcopy(module).eval()
        self.steps = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Take in the current state; the first steps weigh more, so that the start is forgotten."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for mine, theirs in zip(self.module.state_dict().values(), module.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)


def fit_module(
    module: M, step_loss: Callable[[M], Tensor], budget: Budget, *, lr: float = 2e-3, weight_decay: float = 0.02,
    name: str = "", extra: nn.Module | None = None,
) -> tuple[M, int, float]:  # fmt: skip
    """Minimise `step_loss(module)` until the budget is spent.

    `extra` is trained along but not averaged (a classification head that is thrown away). Prints about ten lines.
    Returns the averaged module in eval mode, the steps done and the seconds taken.
    """
    module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    module.train()
    parameters = [*module.parameters(), *(extra.parameters() if extra is not None else ())]
    optimiser = torch.optim.AdamW(parameters, lr=lr, betas=(0.9, 0.99), weight_decay=weight_decay)
    average = Average(module)
    started, step, shown, recent = budget.now(), 0, -1, 0.0
    while (progress := budget.progress(started, step)) < 1:
        warm = min(1.0, (step + 1) / 50)
        for group in optimiser.param_groups:
            group["lr"] = lr * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        loss = step_loss(module)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 2.0)
        optimiser.step()
        average.update(module)
        step += 1
        recent = float(loss.detach()) if step == 1 else 0.95 * recent + 0.05 * float(loss.detach())
        if int(progress * 10) > shown:
            shown = int(progress * 10)
            print(f"{name}: {progress:4.0%} step {step} loss {recent:.4f}", flush=True)
    fitted: M = average.module
    return fitted, step, budget.now() - started

"""Several processes, one training: gradients and logged numbers averaged, decisions taken together.

A step is a fixed number of *micro-batches*, dealt out to the processes. Micro-batch m of step k is the same wherever it
is computed, so one process that takes all of them in turn (gradient accumulation) and several that take a share each
train the same weights, but for the order of sums. ``torchrun`` and ``accelerate launch`` both set the environment that
``join`` reads; neither package is imported here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from eap.errors import ConfigError, DataError

PRECISIONS = ("bf16", "fp32")


@dataclass(frozen=True)
class Scale:
    """How a recipe is spread over machines. The defaults are the bundled model's: one process, one micro-batch.

    A step sees ``micro_batches`` times the recipe's batch, whatever the number of processes; that number must divide
    it. ``precision``: bf16 autocast, or fp32. ``prefetch``: batches drawn ahead by threads.
    """

    micro_batches: int = 1
    precision: str = "bf16"
    prefetch: int = 0

    def __post_init__(self) -> None:
        if self.micro_batches < 1 or self.prefetch < 0:
            raise ConfigError("scale: micro_batches must be at least 1 and prefetch at least 0")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"scale: precision {self.precision!r}", fix=f"use one of {', '.join(PRECISIONS)}")


@dataclass(frozen=True)
class Group:
    """The processes of one training. With ``world`` 1 every method returns what it was given."""

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the records."""
        return self.rank == 0

    def share(self, micro_batches: int) -> range:
        """The micro-batches of this process. Raises ConfigError when they cannot be dealt out evenly."""
        if micro_batches % self.world:
            raise ConfigError(
                f"{micro_batches} micro-batches a step cannot be dealt out to {self.world} processes",
                fix="set scale.micro_batches to a multiple of the number of processes",
            )
        return range(self.rank, micro_batches, self.world)

    def mean_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average the gradients over the processes; those without one (frozen, unused) are left so everywhere."""
        if self.world == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        if not gradients:
            return
        flat = torch.cat([g.reshape(-1) for g in gradients])
        dist.all_reduce(flat)
        flat /= self.world
        means = torch.split(flat, [g.numel() for g in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))

    def mean(self, values: Sequence[float], device: torch.device) -> list[float]:
        """Numbers averaged over the processes. A number that is not finite in one is not finite in all."""
        if self.world == 1:
            return list(values)
        packed = torch.tensor(list(values), dtype=torch.float64, device=device)
        dist.all_reduce(packed)
        return [float(v) for v in packed / self.world]

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether it is so in any process."""
        if self.world == 1:
            return flag
        packed = torch.tensor([float(flag)], device=device)
        dist.all_reduce(packed, op=dist.ReduceOp.MAX)
        return bool(packed.item() > 0)

    def require_same(self, value: int, what: str, device: torch.device) -> None:
        """Raise DataError unless ``value`` is the same in all processes."""
        if self.world == 1:
            return
        packed = torch.tensor([value, -value], device=device)
        dist.all_reduce(packed, op=dist.ReduceOp.MAX)
        if int(packed[0]) != -int(packed[1]):
            raise DataError(f"{what} is not the same in all processes", fix="give all of them one shared folder")

    def same_start(self, modules: Iterable[nn.Module]) -> None:
        """Copy parameters and buffers of the first process to all: equal seeds make them equal, this makes it sure."""
        if self.world == 1:
            return
        for module in modules:
            for tensor in module.state_dict().values():
                if isinstance(tensor, Tensor):
                    dist.broadcast(tensor, 0)

    def wait(self) -> None:
        """Until all are here."""
        if self.world > 1:
            dist.barrier()


def join(device: str = "cpu") -> tuple[Group, str]:
    """Join the processes that the launcher started -> the group and this process's device.

    Without a launcher (no WORLD_SIZE in the environment) there is one process and nothing is joined. ``cuda`` becomes
    ``cuda:<LOCAL_RANK>``. Raises ConfigError when the launcher's environment is incomplete.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return Group(), device
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if missing:
        raise ConfigError(
            f"WORLD_SIZE is {world} but {', '.join(missing)} is not set", fix="start with torchrun or accelerate launch"
        )
    if device == "cuda":
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return Group(dist.get_rank(), dist.get_world_size()), device


def leave() -> None:
    """Leave the group at the end. Harmless when none was joined."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()

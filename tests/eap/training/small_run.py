"""A small training as a process of its own: what is killed, and what torchrun starts twice.

    python -m tests.eap.training.small_run --arrays A --out O --phase represent [--micro 2] [--checkpoint-every 2]

It prints a line after every step.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
from pathlib import Path

import numpy as np
import torch

from eap.constants import NEUTRAL
from eap.data.arrays import ArraySet, ArrayWriter, ClipArrays
from eap.errors import EapError
from eap.model.intensity import IntensityRegressor
from eap.perception.teachers import FaceTeacher
from eap.training.loop import Trainer
from eap.training.parallel import Scale, join, leave
from eap.training.recipes import LossWeights, Optim, Recipe
from eap.training.terms import Teachers
from tests.eap.small_model import SMALL

LENGTH = 12
FULL = LossWeights(
    adv=0.1, e_adv=0.1, cls=1.0, inten=1.0, aux_lip=1.0, aux_face=1.0, aux_shape=1.0, aux_va=1.0, aux_look=1.0
)
RECIPES = {
    "represent": Recipe("small", "represent", steps=4, voice_steps=1, reference="neutral", weights=FULL),
    "neutralize": Recipe(
        "small", "neutralize", steps=2, reference="emotional", weights=LossWeights(metric=1.0, adv=0.1, aux_lip=1.0)
    ),
}
"""One with everything ERA has, one with Eq. 3."""


def small_recipe(phase: str, **changes: object) -> Recipe:
    """Eight clips a batch; D starts after a quarter."""
    base = dataclasses.replace(
        RECIPES[phase], batch=8, voice_batch=8, window=8, picks=2, optim=Optim(warmup=1, adversary_from=0.25)
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def small_teachers() -> Teachers:
    """The same untrained teachers in every process."""
    torch.manual_seed(0)
    return Teachers(FaceTeacher(), IntensityRegressor())


def write_small_arrays(root: Path) -> ArraySet:
    """Two identities, all emotions, two sentences; every pixel of a clip tells identity, emotion and sentence."""
    rng = np.random.default_rng(0)
    with ArrayWriter(root, 32) as writer:
        for person in range(2):
            for emotion in range(8):
                for sentence in range(2):
                    code = np.array([person * 100, emotion * 20, sentence * 100], np.uint8)
                    writer.add(
                        ClipArrays(
                            id=f"M{person:03d}_{emotion}_{sentence}",
                            identity=f"M{person:03d}",
                            emotion=emotion,
                            level=1 if emotion == NEUTRAL else 3,
                            sentence=f"{sentence:03d}",
                            view="front",
                            wild=False,
                            frames=np.broadcast_to(code, (LENGTH, 32, 32, 3)).copy(),
                            mel=rng.normal(size=(4 * LENGTH, 80)),
                            landmarks=rng.random((LENGTH, 68, 2)),
                            affect=np.zeros((LENGTH, 3)),
                            head=np.zeros((LENGTH, 3)),
                        )
                    )
    return ArraySet.open(root)


def weights_sha256(state: dict[str, torch.Tensor]) -> str:
    """Hash of all numbers, bit for bit."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def main() -> int:
    """Train, resuming where a former process was killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arrays", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--phase", action="append", choices=tuple(RECIPES), required=True)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--micro", type=int, default=1)
    parser.add_argument("--checkpoint-every", type=int, default=100)
    parser.add_argument("--poison", type=int, default=-1, help="a rank whose batch of step 2 is not finite")
    options = parser.parse_args()
    torch.set_num_threads(1)
    group, device = join()
    if group.first and not (options.arrays / "index.json").exists():
        write_small_arrays(options.arrays)
    group.wait()
    for phase in options.phase:
        rule = small_recipe(phase, **({"steps": options.steps} if options.steps else {}))
        trainer = Trainer(
            rule,
            ArraySet.open(options.arrays),
            small_teachers(),
            options.out / phase,
            config=SMALL,
            device=device,
            scale=Scale(micro_batches=options.micro),
            group=group,
        )
        if group.rank == options.poison:
            poison(trainer)
        try:
            trainer.run(say, every=1, checkpoint_every=options.checkpoint_every)
        except EapError as error:
            print(f"rank {group.rank}: {error}", file=sys.stderr, flush=True)
            return error.exit_code
    leave()
    return 0


def say(step: int, means: dict[str, float]) -> None:
    """One line a step."""
    print(f"step {step}", flush=True)


def poison(trainer: Trainer) -> None:
    """Make the sound of step 2 NaN."""
    draw = trainer.ahead.draw

    def poisoned(step: int, micro: int) -> object:
        batch = draw(step, micro)
        return dataclasses.replace(batch, mel=batch.mel * float("nan")) if step == 2 else batch

    trainer.ahead.draw = poisoned  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    raise SystemExit(main())

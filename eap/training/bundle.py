"""Everything bundled, from nothing: data, teacher, phases, ablations, evaluators. Stage by stage, resumable.

    python -m eap.training.bundle --work build/bundle            all stages, in order
    python -m eap.training.bundle --work build/bundle --only eap one stage (its inputs must be there)

Stages that do not need each other may run side by side in two processes. A stage that is done is skipped; a training
that was killed resumes from its checkpoint. The clips trained on are the embedded world's; see ``DATA``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eap.constants import EMOTIONS, MODEL_SIZE
from eap.errors import ConfigError, EapError
from eap.files import write_json

if TYPE_CHECKING:
    from torch import Tensor

    from eap.data.arrays import ArraySet
    from eap.perception.teachers import FaceTeacher
    from eap.synth.clip import ClipSpec

Say = Callable[[str], None]


@dataclass(frozen=True)
class DataPlan:
    """Which identities and sentences a set of training arrays holds. Suites use identities 2000+, sentences 200+."""

    identities: tuple[int, int]
    levels: tuple[int, ...]
    per_identity: int
    wild: bool = False
    seconds: float | None = None
    moments: int | None = None
    """Single frames of each clip, without sound, instead of all of it."""

    def specs(self) -> list[ClipSpec]:
        """The clips, ordered by identity."""
        from eap.synth.clip import ClipSpec
        from eap.synth.dataset import plan_world

        people = range(*self.identities)
        if not self.wild:
            return plan_world(
                people, levels=self.levels, per_cell=self.per_identity, neutral_takes=2, seconds=self.seconds
            )
        # In the wild: anyone saying anything in any mood; no label leaves the renderer.
        plan = []
        for person in people:
            rng = np.random.default_rng([person, 77])
            said = rng.choice(200, self.per_identity, replace=False)
            for number in sorted(int(n) for n in said):
                emotion = EMOTIONS[int(rng.integers(len(EMOTIONS)))]
                level = 1 if emotion == "neutral" else int(rng.choice(self.levels))
                plan.append(ClipSpec(person, emotion, level, number, wild=True, seconds=self.seconds))
        return plan


DATA = {
    "mead": DataPlan(identities=(0, 64), levels=(1, 2, 3), per_identity=1),
    "wild": DataPlan(identities=(100, 260), levels=(1, 2, 3), per_identity=4, wild=True, seconds=2.0),
    "judges": DataPlan(identities=(1000, 1040), levels=(1, 3), per_identity=1),
    "faces": DataPlan(identities=(1040, 1240), levels=(1, 2, 3), per_identity=1, moments=8),
}
"""Phases 2 and 3 and the teacher: ``mead``; phase 1: ``wild``; the evaluators, on people of their own: ``judges``, and
``faces`` for those that read single frames. With 40 people the judge of emotion learnt those people by heart.
"""

FIT_DATA = {
    "teacher": "mead", "emotion": "faces", "landmarks": "faces", "identity": "faces", "sync": "judges",
    "audio": "judges",
}  # fmt: skip
"""Which arrays each perception network is fitted on."""

FIT_SECONDS = {"teacher": 700.0, "emotion": 800.0, "landmarks": 700.0, "identity": 100.0, "sync": 150.0, "audio": 400.0}
"""Computing time of each perception network on one core; the judge of emotion decides most of what is measured."""

TALKERS = ("ant-wild", "ant", "eap", "no-neutralization", "no-intensity")
EVALUATORS = ("emotion", "landmarks", "identity", "sync", "audio")
SINGLE_FACTOR = ("ant-no-metric-loss", "no-metric-loss", "no-inten-loss")
"""Rows that lack one loss alone. Trained on demand (``--only``), no part of the bundle: weights go beside the runs."""
STAGES = (*(f"data-{name}" for name in DATA), "teacher", *(f"judge-{name}" for name in EVALUATORS), *TALKERS)


@dataclass(frozen=True)
class Workshop:
    """Where a rebuild keeps its arrays and checkpoints, and where the finished weights go."""

    work: Path
    bundle: Path | None
    workers: int = 2
    seconds: float | None = None
    """Computing time of each perception network; None: ``FIT_SECONDS``."""
    device: str = "cpu"
    say: Say = print

    def arrays(self, name: str) -> ArraySet:
        """The finished training arrays called ``name``; DataError when they are not built yet."""
        from eap.data.arrays import ArraySet

        return ArraySet.open(self.work / "arrays" / name)

    def done(self, stage: str) -> Path:
        """The marker of a finished stage: a JSON of what it cost and measured."""
        return self.work / "done" / f"{stage}.json"


def run_stages(shop: Workshop, stages: tuple[str, ...] = STAGES) -> None:
    """Run what is not done yet, in order. Raises ConfigError for an unknown stage."""
    for stage in stages:
        if stage not in (*STAGES, *SINGLE_FACTOR):
            raise ConfigError(f"unknown stage {stage!r}", fix=f"use one of {', '.join((*STAGES, *SINGLE_FACTOR))}")
        if shop.done(stage).exists():
            shop.say(f"{stage}: done before")
            continue
        started = time.perf_counter()
        shop.say(f"{stage}: starts")
        record = _stage(shop, stage)
        record["wall_seconds"] = round(time.perf_counter() - started, 1)
        write_json(shop.done(stage), record)
        shop.say(f"{stage}: done in {record['wall_seconds']:.0f} s")


def _stage(shop: Workshop, stage: str) -> dict[str, Any]:
    if stage.startswith("data-"):
        return _build_data(shop, stage.removeprefix("data-"))
    if stage == "teacher":
        return _fit_teacher(shop)
    if stage.startswith("judge-"):
        return _fit(shop, stage.removeprefix("judge-"))[1]
    return _train_talker(shop, stage)


def _build_data(shop: Workshop, name: str) -> dict[str, Any]:
    from eap.synth.arrays import build_arrays

    specs = DATA[name].specs()

    def progress(finished: int, total: int) -> None:
        if finished % 50 == 0 or finished == total:
            shop.say(f"data-{name}: {finished} of {total} clips")

    arrays = build_arrays(
        shop.work / "arrays" / name, specs,
        size=MODEL_SIZE, workers=shop.workers, moments=DATA[name].moments, progress=progress,
    )  # fmt: skip
    return {"clips": len(arrays.clips), "frames": arrays.n_frames, "plan": asdict(DATA[name])}


def _fit_teacher(shop: Workshop) -> dict[str, Any]:
    from eap.bundle.store import WeightsMeta, save_weights
    from eap.training.psi import fit_psi

    face, record, people = _fit(shop, "teacher")
    psi = fit_psi(face, shop.arrays("mead"))
    save_weights("psi", psi, WeightsMeta("teacher", "IntensityRegressor", 0, people), folder=shop.bundle)
    return record


def _fit(shop: Workshop, which: str) -> tuple[Any, dict[str, Any], tuple[int, ...]]:
    """Fit one perception network and store it; the network, its report and the identities it was fitted on."""
    from eap.bundle.store import WeightsMeta, save_weights
    from eap.perception import zoo
    from eap.perception.fit import Budget
    from eap.perception.fit.__main__ import FITS
    from eap.perception.fit.batches import identity_number

    name, fit, seed = FITS[which]
    module, report = fit(
        shop.arrays(FIT_DATA[which]), Budget(seconds=shop.seconds or FIT_SECONDS[which], cpu_time=True), seed
    )
    people = tuple(identity_number(person) for person in report.identities)
    meta = WeightsMeta(zoo.role_of(name), report.architecture, report.seed, people, report.measured)
    save_weights(name, module, meta, folder=shop.bundle)
    return module, asdict(report), people


def _train_talker(shop: Workshop, name: str) -> dict[str, Any]:
    from eap.training.loop import Trainer
    from eap.training.pseudo import pseudo_labels
    from eap.training.recipes import load_recipe
    from eap.training.terms import Teachers

    recipe = load_recipe(name)
    face, psi = _load_teachers(shop)
    source = shop.arrays("wild" if recipe.phase == "wild" else "mead")
    init, init_aux = _load_init(shop, recipe.init)
    va = pseudo_labels(face, source, shop.work / "pseudo" / "mead.npy") if recipe.emotional else None
    trainer = Trainer(
        recipe, source, Teachers(face, psi), shop.work / "runs" / name,
        init=init, init_aux=init_aux, va=va, device=shop.device,
    )  # fmt: skip

    def progress(step: int, means: dict[str, float]) -> None:
        rate = trainer.seconds / max(1, step)
        left = (recipe.all_steps - step) * rate / 60
        figures = "  ".join(f"{key} {value:.4f}" for key, value in means.items())
        shop.say(f"{name}: step {step}/{recipe.all_steps}, {rate:.2f} s each, {left:.0f} min left  {figures}")

    result = trainer.run(progress)
    return {"recipe": recipe.to_dict(), "seconds": result.seconds, "log": result.log, **_export(shop, name, trainer)}


def _load_teachers(shop: Workshop) -> tuple[FaceTeacher, Any]:
    from eap.bundle.store import load_into
    from eap.model.intensity import IntensityRegressor
    from eap.perception.zoo import load_teacher

    face, psi = load_teacher(shop.bundle), IntensityRegressor()
    load_into(psi, "psi", shop.bundle)
    return face, psi


def _load_init(shop: Workshop, name: str) -> tuple[dict[str, Tensor] | None, dict[str, Tensor] | None]:
    """EMA weights and auxiliary heads of an earlier run, from its checkpoint (exact, not the float16 export)."""
    from eap.training.checkpoints import load_checkpoint

    if not name:
        return None, None
    state = load_checkpoint(shop.work / "runs" / name / "checkpoint.pt")
    if state is None or not shop.done(name).exists():
        raise ConfigError(f"{name} is not trained yet", fix=f"run the stage {name} first")
    return state["ema"], state["aux"]


def _export(shop: Workshop, name: str, trainer: Any) -> dict[str, Any]:
    """Write the run's EMA weights into the bundle, with the mean z_exp of each emotion beside them."""
    from eap.bundle.store import WeightsMeta, save_weights
    from eap.training.prototypes import emotion_prototypes

    recipe, talker = trainer.recipe, trainer.ema
    state = dict(talker.state_dict())
    if recipe.emotional:
        state["prototypes"] = emotion_prototypes(talker, shop.arrays("mead"))
    plan = DATA["wild" if recipe.phase == "wild" else "mead"]
    meta = WeightsMeta(
        "model", "Talker", recipe.seed, tuple(range(*plan.identities)),
        config={"model": talker.config.to_dict(), "recipe": recipe.to_dict(), "emotional": recipe.emotional},
    )  # fmt: skip
    if name in SINGLE_FACTOR:
        entry = save_weights(name, state, meta, folder=shop.work / "single-factor")
    else:
        entry = save_weights(name, state, meta, base=recipe.init, folder=shop.bundle)
    return {"file": entry.file, "bytes": entry.bytes, "sha256": entry.sha256}


def main(arguments: list[str] | None = None) -> int:
    """Command line of a training machine that has no more than torch, numpy, scipy and safetensors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for arrays, checkpoints and records")
    parser.add_argument("--bundle", type=Path, help="where finished weights go (default: the package's own bundle)")
    parser.add_argument(
        "--only",
        action="append",
        metavar="STAGE",
        help=f"one of {', '.join((*STAGES, *SINGLE_FACTOR))}; may be repeated",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes that render")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    parser.add_argument("--seconds", type=float, help="computing seconds per perception network (default: its own)")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(options.threads)
    shop = Workshop(
        options.work,
        options.bundle,
        options.workers,
        options.seconds,
        options.device,
        lambda text: print(text, flush=True),
    )
    try:
        run_stages(shop, tuple(options.only or STAGES))
    except EapError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def records(work: Path) -> dict[str, dict[str, Any]]:
    """What every finished stage measured and cost, by stage."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((work / "done").glob("*.json"))}


if __name__ == "__main__":
    raise SystemExit(main())

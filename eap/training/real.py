"""Training on data of one's own: a plan's phases on prepared arrays, from teachers to exported weights.

    torchrun --nproc-per-node 8 -m eap.training.real --plan paper-256 --data ARRAYS --out RUN --device cuda
    accelerate launch -m eap.training.real --plan paper-256 ...

The same as ``eap-bench train --recipe paper-256``, for machines that hold torch, numpy, scipy and safetensors alone. A
phase that is done is skipped; one that was stopped goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eap.constants import EMOTIONS
from eap.data.arrays import ArraySet
from eap.errors import ConfigError, DataError, EapError
from eap.files import write_json
from eap.training.parallel import Group, join, leave
from eap.training.plan import PUBLISHED, TrainingPlan, load_plan, shortened
from eap.training.recipes import Recipe

if TYPE_CHECKING:
    import torch
    from torch import nn

    from eap.training.loop import Trainer
    from eap.training.terms import Teachers

Say = Callable[[str], None]
SAMPLED = 200
"""Frames whose landmarks tell where faces lie."""


@dataclass(frozen=True)
class Job:
    """What is trained, on what, and where it goes.

    ``wild``: arrays of phase 1; None: ``data``. ``teachers``: folder of the published files. ``judges``: name -> sha256
    of evaluators whose files must not be teachers.
    """

    plan: TrainingPlan
    data: ArraySet
    out: Path
    wild: ArraySet | None = None
    teachers: Path | None = None
    judges: Mapping[str, str] = field(default_factory=dict)
    device: str = "cpu"
    group: Group = field(default_factory=Group)
    say: Say = print

    def tell(self, text: str) -> None:
        """By the first process alone."""
        if self.group.first:
            self.say(text)


def open_arrays(folder: Path) -> ArraySet:
    """Prepared arrays: the folder itself, or ``arrays`` or ``shards`` in it, as ``eap-bench data prepare`` writes them.

    Raises DataError: a dataset as it was published must be prepared first.
    """
    for place in (folder, folder / "arrays", folder / "shards"):
        if (place / "index.json").exists() or (place / "journal.jsonl").exists():
            return ArraySet.open(place)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder", fix="give a folder that 'eap-bench data prepare' wrote")
    raise DataError(f"{folder}: not prepared", fix=f"run: eap-bench data prepare {folder} --out PREPARED")


def run_plan(job: Job, only: tuple[str, ...] = ()) -> dict[str, Any]:
    """Train the phases that are not done yet, in order; returns each phase's record.

    Raises ConfigError (plan), DataError (arrays), WeightsError (teachers) before anything is trained.
    """
    _check_sizes(job)
    for name in only:
        job.plan.phase(name)
    phases = [phase for phase in job.plan.phases if not only or phase.name in only]
    sets = {phase.name: _clips_for(job, phase) for phase in phases}
    # Whatever phases are asked for, psi and the faces' place come from the same clips.
    teachers, records = _teachers(job, _clips_for(job, job.plan.phases[-1]))
    done: dict[str, Any] = {}
    for phase in phases:
        marker = job.out / phase.name / "done.json"
        if marker.exists():
            job.tell(f"{phase.name}: done before")
            continue
        done[phase.name] = _run_phase(job, phase, sets[phase.name], teachers, records)
        if job.group.first:
            write_json(marker, done[phase.name])
        job.group.wait()
    return done


def _check_sizes(job: Job) -> None:
    size = job.plan.model.size
    for arrays in (job.data, job.wild or job.data):
        if arrays.size != size:
            raise DataError(
                f"{arrays.root}: frames of {arrays.size} px, the plan's model has {size}",
                fix=f"prepare them with --size {size}, or train with --set model.size={arrays.size}",
            )


def _clips_for(job: Job, phase: Recipe) -> ArraySet:
    """The clips a phase may see: nobody excluded; in phases 2 and 3 only people with all eight emotions."""
    source = job.wild or job.data if phase.phase == "wild" else job.data
    clips = [clip for clip in source.clips if clip.identity not in job.plan.exclude]
    if phase.phase != "wild":
        shown: dict[str, set[int]] = {}
        for clip in clips:
            if clip.length > phase.window:
                shown.setdefault(clip.identity, set()).add(clip.emotion)
        whole = {person for person, emotions in shown.items() if emotions >= set(range(len(EMOTIONS)))}
        left_out = sorted({clip.identity for clip in clips} - whole)
        if left_out:
            job.tell(f"{phase.name}: left out, not every emotion is there: {', '.join(left_out)}")
        clips = [clip for clip in clips if clip.identity in whole]
    if not clips:
        raise DataError(
            f"{source.root}: no clip for phase {phase.name!r}",
            fix="phases 2 and 3 need people with all eight emotions that the plan does not exclude",
        )
    view = copy.copy(source)
    view.clips = clips
    return view


def _teachers(job: Job, arrays: ArraySet) -> tuple[Teachers, list[dict[str, object]]]:
    """The frozen networks on the job's device, psi fitted (once, by the first process), and their records."""
    from eap.training.checkpoints import load_checkpoint, save_checkpoint
    from eap.training.psi import fit_psi
    from eap.training.terms import Teachers

    face, tap_weights, records = _faces(job, arrays)
    face.to(job.device)
    file = job.out / "psi.pt"
    if job.group.first and not file.exists():
        fitted = fit_psi(_affect(face), arrays)
        save_checkpoint(file, {"width": fitted.hidden.in_features, "state": fitted.state_dict()})
    job.group.wait()
    state = load_checkpoint(file)
    if state is None:
        raise DataError(f"{file}: not there", fix="all processes must see one output folder")
    return Teachers(face, _psi(state), tap_weights), records


def _psi(state: dict[str, Any]) -> Any:
    from eap.model.intensity import IntensityRegressor

    psi = IntensityRegressor(int(state["width"]))
    psi.load_state_dict(state["state"])
    return psi


def _faces(job: Job, arrays: ArraySet) -> tuple[nn.Module, tuple[float, ...], list[dict[str, object]]]:
    from eap.training.terms import TAP_WEIGHTS

    if job.plan.teachers != PUBLISHED:
        from eap.bundle.store import find_entry
        from eap.perception.zoo import TEACHER, load_teacher

        job.tell("teachers: the bundled one, which knows only the embedded world")
        return load_teacher(), TAP_WEIGHTS, [{"name": TEACHER, "sha256": find_entry(TEACHER).sha256}]
    if job.teachers is None:
        raise ConfigError("the published teachers' folder is not given", fix="add --teachers DIR")
    from eap.perception.official.fan import face_square
    from eap.perception.official.teacher import load_published, refuse_same_files, tap_weights

    square = face_square(_some_landmarks(arrays))
    face, records = load_published(job.teachers, square)
    refuse_same_files(records, dict(job.judges))
    for record in records:
        job.tell(f"teacher of {record.losses}: {record.file} {record.sha256[:12]} ({record.licence})")
    return face, tap_weights(job.plan.model.size), [record.to_dict() for record in records]


def _some_landmarks(arrays: ArraySet) -> torch.Tensor:
    """(n,68,2) of frames spread over the clips."""
    import torch

    clips = arrays.clips[:: max(1, len(arrays.clips) // SAMPLED)]
    found = np.stack([arrays.truth(clip, [clip.length // 2]).landmarks[0] for clip in clips])
    found = found[np.isfinite(found).all((1, 2))]
    if not len(found):
        raise DataError(f"{arrays.root}: no landmarks", fix="prepare it again with --labels official or mediapipe")
    return torch.from_numpy(found)


def _affect(face: nn.Module) -> nn.Module:
    """F alone: pseudo labels need no landmarks and no taps."""
    from eap.perception.official.teacher import PublishedTeacher

    return face.affect if isinstance(face, PublishedTeacher) else face


def _labels(job: Job, phase: Recipe, arrays: ArraySet, teachers: Teachers) -> NDArray[np.float32] | None:
    from eap.training.pseudo import pseudo_labels

    if not phase.emotional:
        return None
    path = job.out / "pseudo.npy"
    if job.group.first:
        pseudo_labels(_affect(teachers.face), arrays, path)
    job.group.wait()
    return pseudo_labels(_affect(teachers.face), arrays, path)


def _run_phase(
    job: Job, phase: Recipe, arrays: ArraySet, teachers: Teachers, records: list[dict[str, object]]
) -> dict[str, Any]:
    from eap.training.checkpoints import load_checkpoint
    from eap.training.loop import Trainer

    init = init_aux = None
    if phase.init:
        before = load_checkpoint(job.out / phase.init / "checkpoint.pt")
        if before is None or not (job.out / phase.init / "done.json").exists():
            raise ConfigError(f"{phase.init} is not trained yet", fix=f"train the phase {phase.init} first")
        init, init_aux = before["ema"], before["aux"]
    trainer = Trainer(
        phase, arrays, teachers, job.out / phase.name, init=init, init_aux=init_aux, config=job.plan.model,
        va=_labels(job, phase, arrays, teachers), device=job.device, scale=job.plan.scale, group=job.group,
        d_channels=job.plan.d_channels,
    )  # fmt: skip
    people = sorted({clip.identity for clip in arrays.clips})
    frames = sum(clip.length for clip in arrays.clips)
    job.tell(
        f"{phase.name}: {len(arrays.clips)} clips of {len(people)} people, {frames} frames; steps {trainer.step} to "
        f"{phase.all_steps} of {phase.batch * job.plan.scale.micro_batches} clips on {job.group.world} process(es)"
    )
    started = time.perf_counter()
    result = trainer.run(_progress(job, phase, trainer), job.plan.log_every, job.plan.checkpoint_every)
    record: dict[str, Any] = {"recipe": phase.to_dict(), "seconds": result.seconds, "log": result.log}
    record |= {"wall_seconds": round(time.perf_counter() - started, 1), "processes": job.group.world}
    if job.group.first:
        record["weights"] = _export(job, phase, arrays, trainer, records, people)
    return record


def _progress(job: Job, phase: Recipe, trainer: Trainer) -> Callable[[int, dict[str, float]], None]:
    began, first = time.perf_counter(), trainer.step

    def progress(step: int, means: dict[str, float]) -> None:
        rate = (time.perf_counter() - began) / max(1, step - first)
        left = (phase.all_steps - step) * rate / 60
        figures = "  ".join(f"{key} {value:.4f}" for key, value in means.items())
        job.tell(f"{phase.name}: step {step}/{phase.all_steps}, {rate:.2f} s each, {left:.0f} min left  {figures}")

    return progress


def _export(
    job: Job, phase: Recipe, arrays: ArraySet, trainer: Trainer, records: list[dict[str, object]], people: list[str]
) -> str:
    """EMA weights as float16 beside the runs, with what an evaluator must know of their teachers."""
    from eap.bundle.store import WeightsMeta, save_weights
    from eap.training.prototypes import emotion_prototypes

    talker = trainer.ema
    state = dict(talker.state_dict())
    if phase.emotional:
        state["prototypes"] = emotion_prototypes(talker, arrays)
    config = {"model": talker.config.to_dict(), "recipe": phase.to_dict(), "emotional": phase.emotional}
    config |= {"plan": job.plan.name, "teachers": records, "people": people}
    meta = WeightsMeta("model", "Talker", phase.seed, config=config)
    folder = job.out / "weights"
    return save_weights(phase.name, state, meta, base=phase.init, folder=folder, limit=None).file


def main(arguments: list[str] | None = None) -> int:
    """Command line of a training machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", required=True, help="a shipped plan (paper-256) or the path of a .toml")
    parser.add_argument("--data", type=Path, required=True, help="prepared arrays of labelled clips (MEAD)")
    parser.add_argument("--wild", type=Path, help="prepared arrays of phase 1 (default: those of --data)")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints, logs, curves, sample sheets, weights")
    parser.add_argument("--teachers", type=Path, help="folder of the published teachers")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="replace a value of the plan")
    parser.add_argument("--phase", action="append", default=[], help="only this phase; may be repeated")
    parser.add_argument("--steps", type=int, help="so many steps a phase: a trial")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    options = parser.parse_args(arguments)
    try:
        plan = load_plan(options.plan, options.set)
        plan = plan if options.steps is None else shortened(plan, options.steps)
        group, device = join(options.device)
        wild = open_arrays(options.wild) if options.wild else None
        job = Job(plan, open_arrays(options.data), options.out, wild, options.teachers, device=device, group=group,
                  say=lambda text: print(text, flush=True))  # fmt: skip
        run_plan(job, tuple(options.phase))
    except EapError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        leave()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

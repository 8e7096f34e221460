"""Fit one network: ``python -m eap.perception.fit --arrays DIR --which emotion --seconds 300 --out DIR --seed 11``.

Writes ``<name>.safetensors`` and ``manifest.json`` (`eap.bundle.store`) and ``<name>.report.json`` into the out folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from torch import nn

from eap.bundle.store import WeightsMeta, save_weights
from eap.data.arrays import ArraySet
from eap.errors import EapError
from eap.files import write_json
from eap.perception import zoo
from eap.perception.fit.audio import fit_audio_probe
from eap.perception.fit.batches import identity_number
from eap.perception.fit.faces import fit_emotion_judge, fit_landmark_judge, fit_teacher
from eap.perception.fit.identity import fit_identity_judge
from eap.perception.fit.loop import Budget, FitReport
from eap.perception.fit.sync import fit_sync_judge

Fit = Callable[[ArraySet, Budget, int], tuple[nn.Module, FitReport]]
FITS: dict[str, tuple[str, Fit, int]] = {
    "teacher": (zoo.TEACHER, fit_teacher, 1),
    "emotion": (zoo.EMOTION, fit_emotion_judge, 11),
    "landmarks": (zoo.LANDMARKS, fit_landmark_judge, 12),
    "identity": (zoo.IDENTITY, fit_identity_judge, 13),
    "sync": (zoo.SYNC, fit_sync_judge, 14),
    "audio": (zoo.AUDIO, fit_audio_probe, 15),
}
"""--which -> name in the bundle, fit function, default seed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, store, report; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m eap.perception.fit", description=__doc__)
    parser.add_argument("--arrays", type=Path, required=True, help="training cache (eap.data.arrays)")
    parser.add_argument("--which", choices=sorted(FITS), required=True)
    parser.add_argument("--seconds", type=float, default=300.0, help="time budget (default 300)")
    parser.add_argument("--steps", type=int, help="exact number of steps instead: repeatable to the bit on one machine")
    parser.add_argument("--cpu-time", action="store_true", help="count computing seconds, not the wall clock's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, help="default: one per network, none of them shared")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    name, fit, own_seed = FITS[options.which]
    seed = own_seed if options.seed is None else options.seed
    try:
        arrays = ArraySet.open(options.arrays)
        module, report = fit(arrays, Budget(options.seconds, options.steps, options.threads, options.cpu_time), seed)
        store(name, module, report, options.out)
    except EapError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    for key, value in report.measured.items():
        print(f"{options.which}: {key} {value}")
    return 0


def store(name: str, module: nn.Module, report: FitReport, out: Path) -> None:
    """Write the weights with their manifest line, and the report, into ``out``."""
    trained_on = tuple(identity_number(person) for person in report.identities)
    config = {
        "steps": report.steps,
        "seconds": report.seconds,
        "samples": report.samples,
        "parameters": report.parameters,
        "macs": report.macs,
        "held_out": [identity_number(person) for person in report.held_out_identities],
    }
    role = zoo.role_of(name)
    save_weights(
        name,
        module,
        WeightsMeta(role, report.architecture, report.seed, trained_on, report.measured, config),
        folder=out,
    )
    write_json(out / f"{name}.report.json", asdict(report))


if __name__ == "__main__":
    sys.exit(main())

"""The gate on the suite smoke: what it lets through, what it catches, and what pairing is worth.

    python -m benchmarks.evidence.gate [--run DIR] [--work build/evidence/gate] [--parts same,simulation,damage]
    python -m benchmarks.evidence.gate --write-floors benchmarks/regression/floors.toml      after a new bundle

One run of smoke (or the finished one that is given) is the baseline. With --write-floors its noise is measured first
(as `eap-bench noise --suite smoke --source re-encode --source threads` does, from the runs that part 1 needs anyway),
and everything is judged by the floors that follow. Then (1) the same run with two threads, another batch size and
encoded once more must be unchanged; (2) 500 A/A checks are drawn from the differences of the re-encoded run,
regressions of one and two floors are planted on top, and it is simulated how often the interval of a difference holds
the truth; (3) real damage is done to the run's media. Parts that are finished in the work folder are not done again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bundled import BundledParts
from benchmarks.evidence.common import Figures, main
from benchmarks.evidence.gate_damage import Blur, Copy, LoseClips, ShiftAudio, SwapEmotion
from benchmarks.evidence.gate_simulation import Noise, coverage, detection, false_alarms
from benchmarks.noise import NoiseReport, fresh_features, make_variant, measure_noise, propose, write_floors
from benchmarks.regression.check import check
from benchmarks.regression.config import Floor, GateConfig
from benchmarks.regression.snapshot import Snapshot, snapshot_of_run
from benchmarks.regression.verdict import Comparison, State, Verdict
from benchmarks.remeasure import Alter, remeasure
from benchmarks.runner import RunSettings
from benchmarks.runner import run as run_suite
from metrics.rundir import RunFiles

MEANT = {
    "no-intensity": ("intensity_pcc", "intensity_ccc", "saturation_index"),
    "blur": ("psnr", "ssim"),
    "audio-shift": ("av_offset", "lse_c", "lse_d"),
    "swap": ("emotion_accuracy", "emotion_probability"),
    "missing": (),
}
"""The metrics that each damage was made for, written down before any was measured. One exception: emotion_probability
came because emotion_accuracy alone, with an earlier bundle, missed the swap on 24 clips."""

PARTS = ("same", "simulation", "damage")

SHARE_LOST = 10
"""Every tenth clip is lost."""


@dataclass(frozen=True)
class OtherBatch(BundledParts):
    """The evaluators look at another number of frames at a time."""

    frames: int = 7

    def measure(self, *args: Any) -> Any:
        """As a run measures, with another block of frames (in this process alone)."""
        from metrics.features.extract import extract

        defaults = extract.__kwdefaults__
        assert defaults is not None
        before = defaults["chunk"]
        defaults["chunk"] = self.frames
        try:
            return super().measure(*args)
        finally:
            defaults["chunk"] = before


def options(parser: argparse.ArgumentParser) -> None:
    """The script's own arguments."""
    parser.add_argument("--run", type=Path, help="a finished run of smoke, instead of making one")
    parser.add_argument("--work", type=Path, default=Path("build/evidence/gate"))
    parser.add_argument("--parts", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}, with commas")
    parser.add_argument("--write-floors", type=Path, help="measure the floors anew, write them here and judge by them")
    parser.add_argument("--checks", type=int, default=500)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)


def measure(args: argparse.Namespace) -> Figures:
    """The parts that are asked for, one after another."""
    work: Path = args.work
    parts = args.parts.split(",")
    work.mkdir(parents=True, exist_ok=True)
    run = args.run or _step(work / "baseline", lambda out: _suite_run(out, args.workers))
    base = snapshot_of_run(run)
    config = GateConfig()
    if args.write_floors is not None:
        config = GateConfig(floors=_floors(run, base, work, args))
    keys = [item.key for item in check(run, run, config).comparisons if item.gated]
    figures: Figures = {
        "suite": base.suite,
        "baseline_commit": base.commit,
        "clips": len(base.clips),
        "identities": len({clip.identity for clip in base.clips}),
        "gated_comparisons": len(keys),
        "floors": {name: config.floor(name).absolute for name in sorted({key[0] for key in keys})},
        "parts": parts,
    }
    if {"same", "simulation"} & {*parts}:
        made = _same_thing(run, work, args.workers)
        figures["same_commit"] = {name: _states(check(path, run, config)) for name, path in made.items()}
    if "simulation" in parts:
        noise = Noise.between(base, snapshot_of_run(work / "re-encode"), snapshot_of_run(work / "threads"))
        figures["aa"] = {
            "from": "differences of the re-encoded run (rows without a model: of the run with two threads), identities "
            "drawn with replacement; the floors come from the same sources, so this is no independent sample",
            **false_alarms(noise, config, args.checks, seed=1),
        }
        figures["interval"] = {f"{k} identities": coverage(k) for k in (6, 8, 24)}
        figures["planted"] = [detection(noise, config, keys, times, args.draws, seed=2) for times in (2.0, 1.0)]
    if "damage" in parts:
        figures["damage"] = {name: _damage(name, path, run, config) for name, path in _damaged(run, base, work, args)}
    return figures


def _floors(run: Path, base: Snapshot, work: Path, args: argparse.Namespace) -> Mapping[str, Floor]:
    """Measure the A/A noise of this run, write the floors that follow, and return them."""
    made = [
        (name, _step(work / name, partial(_variant, name, run, work, args.workers)))
        for name in ("re-encode", "threads")
    ]
    rows = measure_noise(base, [(name, snapshot_of_run(path)) for name, path in made])
    report = NoiseReport(base.suite, str(run), rows, propose(rows))
    write_floors(report, args.write_floors, base.commit)
    return report.floors


def _variant(name: str, run: Path, work: Path, workers: int, _: Path) -> None:
    make_variant(name, run, work, workers)


def _step(out: Path, make: Callable[[Path], object]) -> Path:
    """Make a run directory unless it is there and finished."""
    if not (out / "values.parquet").is_file() or not (out / "run.json").is_file():
        make(out)
    return out


def _suite_run(out: Path, workers: int) -> None:
    run_suite(RunSettings(suite="smoke", out=out, workers=workers, report=False))


def _same_thing(run: Path, work: Path, workers: int) -> dict[str, Path]:
    def batch(out: Path) -> None:
        with fresh_features(work / "cache-batch"):
            remeasure(run, out, Copy(), parts=OtherBatch())

    return {
        "batch of 7 frames instead of 64": _step(work / "batch", batch),
        "2 threads instead of 1": _step(work / "threads", partial(_variant, "threads", run, work, workers)),
        "encoded once more (the row without a model is expected to lose)": _step(
            work / "re-encode", partial(_variant, "re-encode", run, work, workers)
        ),
    }


def _damaged(run: Path, base: Snapshot, work: Path, args: argparse.Namespace) -> Iterator[tuple[str, Path]]:
    def altered(name: str, alter: Alter, methods: tuple[str, ...] = ()) -> Path:
        def make(out: Path) -> None:
            remeasure(run, out, alter, parts=BundledParts(), methods=methods, workers=args.workers)

        return _step(work / name, make)

    lost = frozenset(clip.id for clip in base.clips[::SHARE_LOST])
    yield "missing", altered("missing", LoseClips(lost), ("eap",))
    yield "swap", altered("swap", SwapEmotion("angry", "sad"))
    yield "audio-shift", altered("audio-shift", ShiftAudio(2))
    yield "blur", altered("blur", Blur(1.0))
    yield "no-intensity", _step(work / "no-intensity", lambda out: _other_weights(out, work, args.workers))


def _other_weights(out: Path, work: Path, workers: int) -> None:
    """The row `eap` with the weights `no-intensity`: what a wrong file in the bundle would be."""
    from benchmarks.methods import FOLDER

    file = work / "eap.toml"
    text = (FOLDER / "eap.toml").read_text(encoding="utf-8")
    file.write_text(text.replace('weights = "eap"', 'weights = "no-intensity"'), encoding="utf-8")
    settings = RunSettings(suite="smoke", methods=("ground-truth", str(file)), out=out, workers=workers, report=False)
    run_suite(settings)


def _states(verdict: Verdict) -> Figures:
    moved = [item for item in verdict.comparisons if item.gated and item.state is not State.UNCHANGED]
    return {
        "exit_code": verdict.outcome.code,
        "gated": {state.value: len(verdict.of(state, gated=True)) for state in State},
        "largest_share_of_floor": max(
            (abs(item.worse) / item.floor for item in verdict.comparisons if item.gated and item.floor > 0), default=0.0
        ),
        "not_unchanged": [f"{item.where}: {item.state}" for item in moved],
    }


def _damage(name: str, path: Path, run: Path, config: GateConfig) -> Figures:
    verdict = check(path, run, config)
    regressed = [item for item in verdict.comparisons if item.gated and item.state is State.REGRESSED]
    meant: Figures = {}
    for item in verdict.comparisons:
        if item.gated and item.metric in MEANT[name]:
            row = meant.setdefault(item.metric, {}).setdefault(item.method, {})
            row[item.track] = {"state": item.state.value, **_figures(item)}
    caught = any(item.metric in MEANT[name] for item in regressed)
    failed = sum(record.status == "failed" for record in RunFiles(path).read_journal())
    figures: Figures = {
        "exit_code": verdict.outcome.code,
        "state": verdict.outcome.state.value,
        "meant_for": list(MEANT[name]),
        "caught_by_meant": caught if MEANT[name] else verdict.outcome.state is State.MISSING,
        "meant": meant,
        "regressed": [_figures(item) for item in regressed],
        "missed_unpaired_at_05": sum(item.p_unpaired > 0.05 for item in regressed),
    }
    if failed:
        figures["rows_lost"] = failed
        figures["missing"] = len(verdict.of(State.MISSING, gated=True))
    return figures


def _figures(item: Comparison) -> Figures:
    return {
        "where": item.where, "baseline": item.baseline, "run": item.run, "worse": item.worse,
        "ci95": [item.worse_low, item.worse_high], "floor": item.floor, "p_paired": item.p_paired,
        "p_unpaired": item.p_unpaired,
    }  # fmt: skip


if __name__ == "__main__":
    main("gate", __doc__, measure, options)

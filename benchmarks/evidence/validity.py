"""Which metric sees which damage: the matrix of `eap-bench validate` on the embedded world, as evidence.

    python -m benchmarks.evidence.validity                 -> docs/evidence/validity.json, page beside the trials
    python -m benchmarks.evidence.validity --identities 24 --clips 4 --seconds 2

Half a minute to a minute of one core for each clip (every version of it is drawn, written, read and measured); trials
are kept in `--work`, and a second call goes on from there.

The design was looked at with seed 0 and 8 people, and mended (what and why: docs/metrics.md). What is written is of
other takes, seed 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.cli.validate import worker_pool
from benchmarks.evidence.common import Figures, main
from benchmarks.fingerprint import ROOT
from metrics.validity.results import LEAST_TAU, Cell, Validity, save_validity
from metrics.validity.study import Plan, run

STRANGERS: tuple[tuple[str, str], ...] = (
    ("lse_c", "blur"), ("lse_c", "head_flatten"), ("lse_c", "intensity_weaken"), ("m_lmd", "blur"),
    ("csim", "intensity_weaken"), ("csim", "blur"), ("emotion_accuracy", "blur"), ("saturation_index", "blur"),
    ("intensity_pcc", "noise"), ("fid", "identity_swap"), ("fid", "noise"), ("psnr", "av_shift"),
    ("head_dynamics", "shake"), ("brow_dynamics", "lip_flatten"),
)  # fmt: skip
"""Questions that a reader asks first: metric and a damage that is not its business."""


def measure(args: argparse.Namespace) -> Figures:
    """Run the plan and put the declared fields, and some of the others, into figures."""
    plan = Plan(identities=args.identities, clips=args.clips, seconds=args.seconds, seed=args.seed)

    def say(done: int, total: int, clip: str) -> None:
        print(f"{done}/{total} {clip}", file=sys.stderr, flush=True)

    with worker_pool(args.workers) as mapper:
        found = run(plan, args.work, mapper=mapper, progress=say)
    save_validity(args.work / "validity.json", found)
    return figures(found)


def figures(found: Validity) -> Figures:
    """What documents may quote."""
    asked = [cell for pair in STRANGERS if (cell := found.cell(*pair)) is not None]
    return {
        "world": "the embedded world, judged by the bundled evaluators",
        "evaluators": {name: sha[:12] for name, sha in found.evaluators.items()},
        "people": len(found.identities),
        "clips": len(found.clips),
        "clip_seconds": found.clip_seconds,
        "seed": found.seed,
        "least_tau": LEAST_TAU,
        "declared": len(found.declared),
        "held": len(found.declared) - len(found.failed),
        "failed": ", ".join(_name(found, cell) for cell in found.failed) or "none",
        "untested": list(found.untested),
        "table": _table(found),
        "strangers": {
            _name(found, cell): {
                "of its largest change": f"{100 * cell.effect:+.0f} %".replace("-0 %", "0 %").replace("+0 %", "0 %"),
                "seen from": "never" if cell.seen is None else f"{cell.seen:g}",
            }
            for cell in asked
        },
        "fields": [_field(cell) for cell in found.declared],
        "cross_talk": [_field(cell) for cell in asked],
    }


def _name(found: Validity, cell: Cell) -> str:
    """`LSE-C: blur`."""
    metric = next(metric.title for metric in found.metrics if metric.name == cell.metric)
    damage = next(damage.title for damage in found.damages if damage.name == cell.damage)
    return f"{metric}: {damage[0].lower() if damage[1:2].islower() else damage[0]}{damage[1:]}"


def _table(found: Validity) -> dict[str, dict[str, str]]:
    """The declared fields as a table for readers; columns stand in the order of the alphabet, as JSON keys do."""
    units = {damage.name: damage.unit for damage in found.damages}
    return {
        _name(found, cell): {
            "at 0": f"{cell.values[0]:.3g}",
            "at the strongest": f"{cell.values[-1]:.3g}",
            "seen from": "never" if cell.seen is None else f"{cell.seen:g} {units[cell.damage]}",
            "tau": f"{cell.tau:.2f}",
            "weakest": f"{cell.grades[1]:g}",
        }
        for cell in found.declared
    }


def _field(cell: Cell) -> dict[str, Any]:
    return {
        "metric": cell.metric,
        "damage": cell.damage,
        "tau": cell.tau,
        "smallest_seen": cell.seen,
        "grades": list(cell.grades),
        "values": list(cell.values),
        "effect": cell.effect,
        "clips": cell.n,
    }


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--identities", type=int, default=12)
    parser.add_argument("--clips", type=int, default=2, help="clips of each person")
    parser.add_argument("--seconds", type=float, default=1.6, help="length of a clip")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "validity", help="where trials are kept")


if __name__ == "__main__":
    main("validity", __doc__, measure, _options)

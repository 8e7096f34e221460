"""CARD.md of a bundle: data, recipes, times and measured results, written from records and never by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eap.bundle.store import WeightsEntry, read_manifest
from eap.constants import MODEL_SIZE
from eap.errors import DataError
from eap.files import atomic_write
from eap.training.bundle import DATA, TALKERS, records
from metrics import load_run

HEAD = """# Card of the bundled weights

A re-implementation of EAP (ECCV 2024), trained on the **embedded world** (procedural faces and voices) at {size} px.
It knows nothing else: no photograph, no human voice. None of its numbers is one of the paper's, none is MEAD's.
Intended use: a working model on every fresh machine, and a known quantity to validate metrics with.
Licence of the weights: Apache-2.0, like the code. No person's face or voice was used.

This file is written by `eap-bench train --card RUN`; do not edit it.
"""


def write_card(work: Path, bundle: Path, run: Path) -> Path:
    """Write ``bundle``/CARD.md from the work folder's records and a finished run. Returns its path."""
    done, entries = records(work), read_manifest(bundle)
    if not done or not entries:
        raise DataError(f"{work}: no finished stages, or {bundle} holds no weights", fix="run eap-bench train first")
    parts = [
        HEAD.format(size=MODEL_SIZE),
        _data(done),
        _talkers(done, entries),
        _networks(done, entries),
        _results(run),
    ]
    path = bundle / "CARD.md"
    with atomic_write(path, "w") as stream:
        stream.write("\n".join(parts))
    return path


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    # A bar inside a cell (signatures have them) would end the cell, in backticks too.
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in cells)]) + "\n"


def _minutes(record: dict[str, Any]) -> str:
    return f"{record.get('wall_seconds', 0) / 60:.1f}"


def _data(done: dict[str, dict[str, Any]]) -> str:
    rows = []
    for name, plan in DATA.items():
        record = done.get(f"data-{name}", {})
        people = f"{plan.identities[0]}-{plan.identities[1] - 1}"
        counts = [str(record.get("clips", "-")), str(record.get("frames", "-"))]
        rows.append([name, people, ", ".join(map(str, plan.levels)), *counts, _minutes(record)])
    text = (
        "Sentences 0-199; suites use identities 2000 and up, sentences 200 and up. Minutes are wall time on two cores\n"
    )
    text += "that also did other work.\n"
    header = ["set", "identities", "levels", "clips", "frames", "minutes"]
    return "## Data (rendered)\n\n" + _table(header, rows) + "\n" + text


def _talkers(done: dict[str, dict[str, Any]], entries: dict[str, WeightsEntry]) -> str:
    rows = []
    for name in TALKERS:
        record, entry = done.get(name), entries.get(name)
        if record is None or entry is None:
            continue
        recipe = record["recipe"]
        last = "  ".join(f"{k} {v:.3g}" for k, v in record["log"].items())
        cells = [recipe["phase"], recipe["init"] or "-", recipe["reference"], str(recipe["steps"]), str(recipe["seed"])]
        rows.append(
            [f"`{name}`", *cells, _minutes(record), f"{entry.bytes / 2**20:.1f}", f"`{entry.sha256[:12]}`", last]
        )
    header = ["row", "phase", "starts from", "reference", "steps", "seed", "minutes", "MiB", "sha256", "last losses"]
    text = "One thread each, bfloat16 autocast, EMA weights stored as float16; tensors a row shares with the piece it\n"
    text += "started from are stored once. Recipes: `eap/training/recipes/*.toml`.\n"
    return "## Talkers\n\n" + _table(header, rows) + "\n" + text


def _networks(done: dict[str, dict[str, Any]], entries: dict[str, WeightsEntry]) -> str:
    rows = []
    for name, entry in sorted(entries.items()):
        if entry.meta.role == "model":
            continue
        stage = done.get(name, {})
        measured = "  ".join(f"{k} {v:.3g}" for k, v in sorted(entry.meta.measured.items()) if "damaged" not in k)
        people = f"{min(entry.meta.identities)}-{max(entry.meta.identities)}" if entry.meta.identities else "-"
        seed, minutes = str(entry.meta.seed), _minutes(stage)
        rows.append([f"`{name}`", entry.meta.role, entry.meta.architecture, people, seed, minutes, measured])
    header = ["network", "role", "architecture", "identities", "seed", "minutes", "measured on held-out identities"]
    return "## Teachers and evaluators\n\n" + _table(header, rows)


def _results(run: Path) -> str:
    results = load_run(run)
    rows = []
    for _, row in results.values.iterrows():
        interval = f"[{row['ci_low']:.3g}, {row['ci_high']:.3g}]"
        scored = f"{row['n_scored']}/{row['n_expected']}"
        cells = [row["track"], row["method"], f"{row['value']:.4g}", interval, scored, f"`{row['signature']}`"]
        rows.append([str(row["metric"]), *(str(cell) for cell in cells)])
    info = results.info
    text = (
        f"## Measured\n\nSuite `{info.suite}`, protocol `{info.protocol}`, {len(info.clips)} clips, seed {info.seed};\n"
    )
    text += (
        f"command: `{info.command}`; commit `{info.commit[:12]}`. Intervals: 95 %, cluster bootstrap by identity.\n\n"
    )
    header = ["metric", "track", "row", "value", "interval", "scored", "signature"]
    return text + _table(header, sorted(rows))

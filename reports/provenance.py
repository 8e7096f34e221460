"""Where every number comes from: what the drawer shows, and what makes a list of clips the same list."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from metrics.rundir import ClipInfo
from reports.facts import MetricFacts
from reports.source import Run

UNKNOWN = "not recorded"


@dataclass(frozen=True)
class Source:
    """All that one number of a run depends on, as text."""

    metric: str
    method: str
    track: str
    signatures: tuple[str, ...]
    protocol: str
    evaluators: tuple[tuple[str, str], ...]
    """(name, SHA-256) of the networks this metric looks through; empty for a metric of pixels alone."""
    weights: tuple[tuple[str, str], ...]
    """(name, SHA-256) of the model that made the clips."""
    clips_sha256: str
    commit: str
    command: str


def clip_list_hash(clips: Iterable[ClipInfo]) -> str:
    """SHA-256 of the sorted clip ids, one a line: equal for two runs exactly when they name the same clips."""
    text = "".join(f"{identity}\n" for identity in sorted(c.id for c in clips))
    return hashlib.sha256(text.encode()).hexdigest()


def source(run: Run, metric: str, method: str, track: str) -> Source:
    """Where the number of one metric, method and track comes from."""
    rows = run.values[(run.values["metric"] == metric) & (run.values["track"] == track)]
    rows = rows[rows["method"] == method]
    signatures = tuple(sorted({str(s) for s in rows["signature"].dropna()}))
    return Source(
        metric, method, track, signatures, run.info.protocol or UNKNOWN, _evaluators(run, signatures),
        _weights(run, method), clip_list_hash(run.clips), run.info.commit or UNKNOWN, repeat(run),
    )  # fmt: skip


def repeat(run: Run) -> str:
    """The commands that make the run again."""
    if not run.info.command:
        return UNKNOWN
    checkout = f"git checkout {run.info.commit}\n" if run.info.commit else ""
    return checkout + run.info.command


def _evaluators(run: Run, signatures: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The evaluators whose label (which ends in the first eight digits of the hash) a signature names."""
    text = "|".join(signatures)
    named = [
        (name, joined)
        for name, joined in sorted(run.info.evaluators.items())
        if any(part and f"-{part[:8]}" in text for part in joined.split("+"))
    ]
    return tuple(named)


def _weights(run: Run, method: str) -> tuple[tuple[str, str], ...]:
    return ((method, run.info.weights[method]),) if method in run.info.weights else ()


def drawer(run: Run, facts: dict[str, MetricFacts]) -> dict[str, Any]:
    """The drawer's data: said once per run, metric and method; the page puts a number's parts together."""
    signed: dict[str, set[str]] = {}
    for metric, signature in zip(run.values["metric"], run.values["signature"], strict=True):
        signed.setdefault(str(metric), set()).add(str(signature))
    return {
        "run": [
            ["Protocol", run.info.protocol or UNKNOWN],
            ["World", "embedded (synthetic)" if run.info.world == "embedded" else f"real data: {run.info.data}"],
            ["Clip list (SHA-256)", f"{clip_list_hash(run.clips)} · {len(run.clips)} clips"],
            ["Commit", run.info.commit or UNKNOWN],
            ["Seed", str(run.info.seed)],
        ],
        "repeat": repeat(run),
        "metrics": {
            name: {
                "title": f"{m.title} {m.arrow}".strip(),
                "help": m.help,
                "source": m.source,
                "signatures": sorted(signed.get(name, ())),
                "evaluators": [list(e) for e in _evaluators(run, signed.get(name, ()))],
            }
            for name, m in facts.items()
        },
        "evaluators": [list(e) for e in sorted(run.info.evaluators.items())],
        "methods": {
            m.name: {
                "title": m.title or m.name,
                "inputs": " ".join(m.inputs),
                "weights": [list(w) for w in _weights(run, m.name)],
            }
            for m in run.methods
        },
    }

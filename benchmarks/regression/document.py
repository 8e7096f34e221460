"""The verdict as JSON: a versioned document with a checked-in schema (``verdict-1.schema.json`` beside this file).

Within version 1 keys are only added. `python -m benchmarks.regression.document` writes the schema anew.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmarks.regression.verdict import Comparison, Side, State, Verdict, Waiver

SCHEMA = Path(__file__).parent / "verdict-1.schema.json"

Number = float | None
StateName = Literal["regressed", "improved", "unchanged", "inconclusive", "not comparable", "missing"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SideDocument(_Part):
    """The run, or the baseline."""

    source: str
    suite: str
    protocol: str
    commit: str
    finished: str
    command: str
    clips: int
    clip_hash: str


class WaiverDocument(_Part):
    """A failing comparison that is let through."""

    metric: str
    method: str | None
    track: str | None
    reason: str
    expires: str


class ComparisonDocument(_Part):
    """One metric of one method on one track. `worse` > 0 is worse, in the metric's unit."""

    metric: str
    method: str
    track: str
    state: StateName
    gated: bool
    baseline: Number
    run: Number
    unit: str
    worse: Number
    worse_ci: tuple[Number, Number]
    floor: Number
    pairs: int
    identities: int
    lost: int
    p_paired: Number
    p_unpaired: Number
    p_holm: Number
    signature: str
    why: str
    fix: str
    waiver: WaiverDocument | None


class ProblemDocument(_Part):
    """Why nothing could be compared."""

    state: StateName
    what: str
    fix: str


class VerdictDocument(_Part):
    """What `eap-bench check --json` prints."""

    format: Literal["eap-bench verdict"]
    version: Literal[1]
    state: StateName
    exit_code: Literal[0, 1, 3]
    line: str
    made: str
    confidence: float = Field(gt=0.5, lt=1)
    strict: bool
    run: SideDocument
    baseline: SideDocument
    counts: dict[StateName, int]
    problems: tuple[ProblemDocument, ...]
    comparisons: tuple[ComparisonDocument, ...]
    notes: tuple[str, ...]
    waivers_expired: tuple[WaiverDocument, ...]
    waivers_unused: tuple[WaiverDocument, ...]


def document(verdict: Verdict) -> VerdictDocument:
    """The verdict as the schema has it; numbers that are not finite are null."""
    outcome = verdict.outcome
    return VerdictDocument.model_validate(
        {
            "format": "eap-bench verdict",
            "version": 1,
            "state": outcome.state.value,
            "exit_code": outcome.code,
            "line": outcome.line,
            "made": verdict.made,
            "confidence": verdict.confidence,
            "strict": verdict.strict,
            "run": _side(verdict.run),
            "baseline": _side(verdict.baseline),
            "counts": {state.value: len(verdict.of(state, gated=True)) for state in State},
            "problems": [{"state": item.state.value, "what": item.what, "fix": item.fix} for item in verdict.problems],
            "comparisons": [_comparison(item) for item in verdict.comparisons],
            "notes": list(verdict.notes),
            "waivers_expired": [_waiver(item) for item in verdict.expired],
            "waivers_unused": [_waiver(item) for item in verdict.unused],
        }
    )


def to_json(verdict: Verdict) -> dict[str, Any]:
    """Plain JSON data of version 1."""
    return document(verdict).model_dump(mode="json")


def schema() -> dict[str, Any]:
    """The JSON schema of version 1."""
    made = VerdictDocument.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA.name, **made}


def _side(side: Side) -> dict[str, Any]:
    return {name: getattr(side, name) for name in SideDocument.model_fields}


def _comparison(item: Comparison) -> dict[str, Any]:
    return {
        "metric": item.metric, "method": item.method, "track": item.track, "state": item.state.value,
        "gated": item.gated, "baseline": _finite(item.baseline), "run": _finite(item.run), "unit": item.unit,
        "worse": _finite(item.worse), "worse_ci": (_finite(item.worse_low), _finite(item.worse_high)),
        "floor": _finite(item.floor), "pairs": item.n_pairs, "identities": item.n_identities, "lost": item.n_lost,
        "p_paired": _finite(item.p_paired), "p_unpaired": _finite(item.p_unpaired), "p_holm": _finite(item.p_holm),
        "signature": item.signature, "why": item.why, "fix": item.fix,
        "waiver": None if item.waiver is None else _waiver(item.waiver),
    }  # fmt: skip


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {
        "metric": waiver.metric, "method": waiver.method, "track": waiver.track, "reason": waiver.reason,
        "expires": waiver.expires.isoformat(),
    }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=1, sort_keys=True) + "\n")

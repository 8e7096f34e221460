"""How intense people found a clip: CREMA-D's summary of votes, or any table of clips and votes."""

from __future__ import annotations

import math
from pathlib import Path

from eap.errors import DataError
from eap.files import read_csv

SCALES = (1.0, 100.0)
"""Votes are brought to 0..1: a table whose largest vote is above 1 is taken as 0..100."""
CREMA_COLUMNS = ("FaceLevel", "MultiModalLevel", "VoiceLevel")


def read_votes(path: Path | str, column: str | None = None) -> dict[str, float]:
    """Clip name -> mean vote of intensity in 0..1; nan where the table gives none that can be read.

    Knows CREMA-D's `processedResults/summaryTable.csv` (`FileName`, and by default `FaceLevel`: people who saw the face
    alone; where emotions tie, "55.2:60" is their mean) and any CSV with the columns `clip` and `vote`. Raises DataError
    when the file cannot be read or has no such columns.
    """
    path = Path(path)
    rows = read_csv(path, fix="give a CSV file")
    names = set(rows[0]) if rows else set()
    clip = next((name for name in ("FileName", "clip") if name in names), None)
    wanted = column or next((name for name in (*CREMA_COLUMNS, "vote") if name in names), None)
    if clip is None or wanted is None or wanted not in names:
        found = ", ".join(sorted(map(str, names))) or "none"
        raise DataError(
            f"{path}: no columns of clips and votes among: {found}",
            fix="give CREMA-D's summaryTable.csv, or a CSV file with the columns clip,vote",
        )
    votes = {Path(row[clip]).stem: _vote(row[wanted]) for row in rows if row[clip]}
    return scaled(votes, path)


def scaled(votes: dict[str, float], source: Path | str = "votes") -> dict[str, float]:
    """Votes of 0..100 as 0..1; those of 0..1 as they are. Raises DataError for a vote outside both."""
    known = [vote for vote in votes.values() if math.isfinite(vote)]
    if known and (min(known) < 0 or max(known) > SCALES[1]):
        raise DataError(f"{source}: votes from {min(known):g} to {max(known):g}", fix="give votes of 0..1 or 0..100")
    scale = SCALES[1] if known and max(known) > SCALES[0] else SCALES[0]
    return {name: vote / scale for name, vote in votes.items()}


def _vote(text: str | None) -> float:
    try:
        parts = [float(part) for part in (text or "").split(":")]
    except ValueError:
        return math.nan
    return sum(parts) / len(parts)

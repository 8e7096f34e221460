"""A validation of the metrics beside a run: its heat map, and whether its evaluators are the run's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eap.errors import DataError
from metrics.validity.results import Validity, load_validity
from reports.plot_style import Plot
from reports.source import Run

FOLDER = "validity"


@dataclass(frozen=True)
class Beside:
    """What a run's page says about the validity of its metrics."""

    found: Validity
    plot: Plot
    sentence: str
    warning: str
    """Why the validation does not speak for this run; empty when it does."""


def validity_of(run: Run, source: Path | None = None) -> tuple[Beside | None, str]:
    """The validation of a run (`<run>/validity/validity.json`, or the folder given), and why it cannot be shown.

    Without any there is nothing to show and nothing wrong. Raises DataError for a folder given without a validation.
    """
    folder = source or run.root / FOLDER
    if source is None and not (folder / "validity.json").is_file():
        return None, ""
    try:
        found = load_validity(folder)
    except DataError as error:
        if source is not None:
            raise
        return None, error.message
    from reports.validity import heat_map

    held = len(found.declared) - len(found.failed)
    sentence = (
        f"{held} of {len(found.declared)} damages that the metrics declare to see are followed step by step and seen, "
        f"on {len(found.clips)} clips of {len(found.identities)} people of the embedded world."
    )
    return Beside(found, heat_map(found), sentence, _warning(run, found)), ""


def _warning(run: Run, found: Validity) -> str:
    ours = set(run.info.evaluators.values())
    other = sorted(name for name, sha in found.evaluators.items() if sha not in ours)
    if not other:
        return ""
    names = ", ".join(other)
    return f"measured with other evaluators than this run ({names}): it says nothing about this run's numbers"

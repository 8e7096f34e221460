"""Suites: which clips, which methods, which metrics, under which protocol (``suites/*.toml``)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from benchmarks.configs import Strict, find_config
from eap.constants import EMOTIONS, LEVELS, MODEL_SIZE

FOLDER = Path(__file__).parent / "suites"

Track = Literal["neutral", "emotional"]
"""Where the reference image comes from: a neutral clip, or an emotional clip, of the same identity."""


class Cell(Strict):
    """One combination that a suite measures; ``identity`` is a number of the embedded world."""

    identity: int
    emotion: str
    level: int
    sentence: int


class Suite(Strict):
    """What one suite file says. All clips are of identities that no training has seen (2000 and above)."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    summary: str
    protocol: str = "strict"
    size: int = Field(default=MODEL_SIZE, ge=32, le=1024)
    """Side of the frames, in pixels."""
    seconds: float = Field(gt=0.2, le=60)
    """Length of a clip of the embedded world; clips of ``--data`` keep their own length."""
    seed: int = 7
    first_identity: int = Field(default=2000, ge=2000, lt=3000)
    identities: int = Field(ge=1, le=1000)
    emotions: tuple[str, ...] = EMOTIONS
    levels: tuple[int, ...] = (3,)
    first_sentence: int = Field(default=200, ge=200, lt=300)
    data_identities: tuple[str, ...] = ()
    """Identities taken from a real MEAD folder where they are present; else its first ``identities``."""
    tracks: tuple[Track, ...] = ("neutral", "emotional")
    methods: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    """Metric names; empty means every registered metric."""

    @field_validator("emotions")
    @classmethod
    def _known_emotions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [emotion for emotion in value if emotion not in EMOTIONS]
        if unknown or len(set(value)) != len(value) or not value:
            raise ValueError(f"must be different words out of {', '.join(EMOTIONS)}; got {', '.join(value) or 'none'}")
        return value

    @field_validator("levels")
    @classmethod
    def _known_levels(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if not value or any(level not in LEVELS for level in value) or len(set(value)) != len(value):
            raise ValueError("must be different numbers out of 1, 2, 3")
        return value

    @field_validator("tracks", "methods")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("must name at least one, each once")
        return value

    @model_validator(mode="after")
    def _emotional_reference_exists(self) -> Suite:
        emotional = [emotion for emotion in self.emotions if emotion != "neutral"]
        if "emotional" in self.tracks and len(emotional) < 2:
            raise ValueError("the emotional track needs at least two emotions other than neutral")
        return self

    def identity_numbers(self) -> tuple[int, ...]:
        """The suite's identities of the embedded world."""
        return tuple(range(self.first_identity, self.first_identity + self.identities))

    def levels_of(self, emotion: str) -> tuple[int, ...]:
        """MEAD records neutral at level 1 only."""
        return (1,) if emotion == "neutral" else self.levels

    def cells(self) -> list[Cell]:
        """Every clip that is measured, each with a sentence of its own (they repeat after the 100 of the suites)."""
        cells: list[Cell] = []
        for identity in self.identity_numbers():
            for emotion in self.emotions:
                for level in self.levels_of(emotion):
                    cells.append(Cell(identity=identity, emotion=emotion, level=level, sentence=self._sentence(cells)))
        return cells

    def reference_cells(self) -> list[Cell]:
        """One more neutral clip per identity: it only lends its image, so that no clip is its own reference."""
        last = 299
        return [
            Cell(identity=identity, emotion="neutral", level=1, sentence=last - index % 10)
            for index, identity in enumerate(self.identity_numbers())
        ]

    def _sentence(self, before: list[Cell]) -> int:
        # The ten last sentences are kept for the reference clips.
        span = 290 - self.first_sentence
        return self.first_sentence + len(before) % max(span, 1)


def load_suite(name: str) -> Suite:
    """A suite by name (``mead``) or by path of a ``.toml`` file."""
    return find_config(name, FOLDER, Suite, "suite")


def suite_names() -> list[str]:
    """Names of the bundled suites."""
    return sorted(entry.stem for entry in FOLDER.glob("*.toml"))

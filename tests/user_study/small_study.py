"""Small studies of invented clips, and raters that answer them without a browser."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, select

from eap.media import write_image, write_video
from user_study import schema
from user_study.answers import Given, Playback
from user_study.folder import StudyData, create_folder
from user_study.session import Arrival
from user_study.stimuli import Source
from user_study.store import Store

METHODS = ("ground-truth", "eap", "still-image")
EMOTIONS = ("angry", "happy", "sad")
IDENTITIES = ("M1", "M2", "M3")
ADULTS = Arrival()

DESIGN = """
format = 1
name = "small"
title = "Small study"
seed = 5
raters = 10

[[questions]]
name = "emotion"
kind = "emotion"
[[questions]]
name = "naturalness"
kind = "acr"
text = "How natural?"
[[questions]]
name = "preference"
kind = "preference"
tie = true
[[questions]]
name = "intensity"
kind = "trace"

[[blocks]]
name = "ratings"
questions = ["emotion", "naturalness"]
trials = 6
repeats = 1
intro = "Watch each clip."
[[blocks]]
name = "pairs"
questions = ["preference"]
trials = 2
[[blocks]]
name = "traces"
questions = ["intensity"]
trials = 2

[[training]]
block = "ratings"
question = "emotion"
method = "ground-truth"
emotion = "happy"
accept = ["happy"]

[[gold]]
block = "ratings"
question = "naturalness"
method = "still-image"
low = 1
high = 2

[[traps]]
block = "ratings"
question = "emotion"
answer = "unsure"

[consent]
text = "You will watch clips and answer questions."
contact = "someone@example.org"

[[questionnaire]]
name = "age"
kind = "choice"
text = "Age?"
options = ["18-29", "30 or older"]
required = true
[[questionnaire]]
name = "remarks"
text = "Remarks?"
"""


def write_clips(
    folder: Path,
    methods: Sequence[str] = METHODS,
    emotions: Sequence[str] = EMOTIONS,
    identities: Sequence[str] = IDENTITIES,
    seconds: float = 0.4,
) -> list[Source]:
    """A tiny video per method, emotion and identity, with sound and a reference image."""
    sources = []
    for m, method in enumerate(methods):
        for e, emotion in enumerate(emotions):
            for i, identity in enumerate(identities):
                path = folder / method / f"{identity}_front_{emotion}_3_00{i}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                frames = np.full((round(25 * seconds), 48, 48, 3), 60 + 40 * m, np.uint8)
                frames[:, 8 + 8 * e : 20 + 8 * e, 8 + 8 * i : 20 + 8 * i] = (250, 200, 120)
                tone = 0.2 * np.sin(2 * np.pi * 300 * np.arange(round(16000 * seconds)) / 16000)
                write_video(path, frames, 25, tone.astype(np.float32), 16000)
                write_image(path.with_suffix(".png"), frames[0])
                series: dict[str, tuple[float, ...]] = {"intensity": (0.1 * m + 0.2, 0.5), "intensity_true": (0.2, 0.6)}
                sources.append(
                    Source(
                        method, "", path.stem, identity, emotion, 3, f"00{i}", path, path.with_suffix(".png"), series
                    )
                )
    return sources


def make_study(folder: Path, design: str = DESIGN, sources: Sequence[Source] | None = None) -> tuple[StudyData, str]:
    """A study folder of such clips and its admin token."""
    clips = sources if sources is not None else write_clips(folder.parent / f"{folder.name}-clips")
    return create_folder(folder, design, clips, "invented")


class Clockwork:
    """A clock that a test moves."""

    behind = 0.0

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.time = start

    def now(self) -> float:
        """The time."""
        return self.time


def clock(store: Store) -> Clockwork:
    """The clock of a store whose clock a test moves."""
    assert isinstance(store.clock, Clockwork)
    return store.clock


def answers(store: Store) -> int:
    """How many answers are saved."""
    with store.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(schema.answers)) or 0


class Robot:
    """A rater without a browser: answers what is open, right where something is known."""

    def __init__(self, store: Store, arrival: Arrival = ADULTS, seed: int = 0) -> None:
        self.store = store
        self.rater, self.token = store.consent(arrival)
        self.dice = np.random.default_rng(seed)
        self.sent: list[Given] = []

    def check(self) -> str:
        """Pass the sound check."""
        return self.store.pass_check(self.rater, {"kind": "computer"}, self.store.check_secret(self.rater))

    def given(self, state: dict[str, Any], answer: str | None = None) -> Given:
        """An answer to what is open."""
        trial = state["trial"]
        question = trial["questions"][trial["step"]]
        samples: tuple[tuple[float, float], ...] = ()
        if question["kind"] == "trace":
            seconds = trial["clips"][0]["seconds"]
            samples = tuple((float(t), float(self.dice.random())) for t in np.linspace(0, seconds, 9))
            answer = "trace"
        elif answer is None:
            answer = str(self.dice.choice([option["value"] for option in question["options"]]))
        return Given(
            id=secrets.token_hex(16), trial=trial["id"], question=question["name"], answer=answer, samples=samples,
            playback=Playback(plays=1, watched=1.0, seconds=1.5, load_seconds=0.1, frames=10, frames_dropped=0),
        )  # fmt: skip

    def step(self, answer: str | None = None) -> dict[str, Any]:
        """Answer one question; returns the state after it."""
        given = self.given(self.store.state(self.rater), answer)
        if isinstance(self.store.clock, Clockwork):
            self.store.clock.time += 10
        _, state = self.store.save(self.rater, given)
        self.sent.append(given)
        return state

    def finish(self, most: int = 1000) -> str:
        """Answer everything (at most so many questions); returns the stage."""
        state = self.store.state(self.rater)
        if state["stage"] == "check":
            self.check()
            state = self.store.state(self.rater)
        while state["stage"] in ("training", "trials") and most > 0:
            state = self.step()
            most -= 1
        if state["stage"] == "questions":
            self.store.save_questionnaire(self.rater, {"age": "18-29", "remarks": ""})
            state = self.store.state(self.rater)
        return str(state["stage"])

"""A small imagined study that several tests share."""

from __future__ import annotations

from functools import cache

from user_study.design import Design, parse_design
from user_study.imagined import imagined_intensity, imagined_stimuli
from user_study.simulate import Simulation, Truth, simulate

DESIGN = """
format = 1
name = "dry-run"
title = "A dry run"
raters = 24

[[questions]]
kind = "emotion"
name = "emotion"

[[questions]]
kind = "acr"
name = "naturalness"
text = "How natural?"

[[questions]]
kind = "preference"
name = "better"
tie = true

[[questions]]
kind = "trace"
name = "course"

[[blocks]]
name = "rate"
questions = ["emotion", "naturalness"]
trials = 24
repeats = 2

[[blocks]]
name = "pairs"
questions = ["better"]
trials = 12

[[blocks]]
name = "trace"
questions = ["course"]
trials = 12

[[traps]]
block = "rate"
question = "naturalness"
answer = "2"

[[gold]]
block = "rate"
question = "naturalness"
method = "ground-truth"
low = 3
high = 5

[consent]
text = "You will see short clips of faces and say what you see in them."
contact = "someone@example.org"

[analysis]
focus = "eap"
"""
METHODS = ("ground-truth", "eap", "no-intensity", "still-image")
TRUTH = Truth(
    quality=dict(zip(METHODS, (4.2, 3.6, 3.0, 2.2), strict=True)),
    clarity=dict(zip(METHODS, (0.85, 0.7, 0.6, 0.2), strict=True)),
    following=dict(zip(METHODS, (1.0, 0.8, 0.2, 0.0), strict=True)),
)


def design() -> Design:
    return parse_design(DESIGN)


@cache
def simulation(raters: int = 24, mix: str = "", seed: int = 3) -> Simulation:
    """Four methods, four identities, eight emotions."""
    from user_study.rater_kinds import parse_mix

    stimuli = imagined_stimuli(design(), identities=4, sentences=1, methods=METHODS)
    return simulate(
        design(), DESIGN, stimuli, imagined_intensity(stimuli), raters=raters,
        mix=parse_mix(mix) if mix else None, truth=TRUTH, seed=seed,
    )  # fmt: skip

"""Balance of the user study's assignment: 100 raters, 30 % of whom stop on the way, 1,000 times over.

Claim: completed trials of the fullest and the emptiest cell of a block differ by at most 2 in 95 % of the simulations.
The assignment code of the server is used itself, with 20 raters at a time and one trial given out ahead.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from benchmarks.evidence.common import Figures, main, wilson
from user_study.assignment import make_boards
from user_study.balance import simulate, spread
from user_study.design import parse_design
from user_study.records import Stimulus

DESIGN = """
name = "balance"
title = "Balance"
[consent]
text = "Nobody is asked in a simulation."
contact = "nobody"
[[questions]]
name = "emotion"
kind = "emotion"
[[questions]]
name = "preference"
kind = "preference"
[[blocks]]
name = "ratings"
questions = ["emotion"]
trials = 16
repeats = 2
[[blocks]]
name = "pairs"
questions = ["preference"]
trials = 6
[[traps]]
block = "ratings"
question = "emotion"
answer = "unsure"
"""
METHODS, EMOTIONS, IDENTITIES = 3, ("angry", "fear", "happy", "sad"), 4
LIMIT = 2


def stimuli() -> list[Stimulus]:
    """3 methods x 4 emotions x 4 identities, one sentence each."""
    return [
        Stimulus(f"{m}/{e}/{i}", f"method-{m}", "", f"{i}_{e}", f"M{i}", e, 3, "001")
        for m in range(METHODS)
        for e in EMOTIONS
        for i in range(IDENTITIES)
    ]


def spreads_of(seed: int, raters: int, dropout: float) -> dict[str, int]:
    """Fullest less emptiest cell of each block in one simulation."""
    design, clips = parse_design(DESIGN), stimuli()
    return spread(simulate(design, make_boards(design, clips), clips, raters, dropout, 20, seed))


def measure(args: argparse.Namespace) -> Figures:
    """Count how often the cells differ by how much."""
    boards = make_boards(parse_design(DESIGN), stimuli())
    seen: dict[str, Counter[int]] = {name: Counter() for name in boards}
    within = 0
    once = partial(spreads_of, raters=args.raters, dropout=args.dropout)
    with ProcessPoolExecutor(args.workers, multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(once, range(args.simulations), chunksize=10))
    for spreads in found:
        for name, value in spreads.items():
            seen[name][value] += 1
        within += max(spreads.values()) <= LIMIT
    return {
        "simulations": args.simulations,
        "raters": args.raters,
        "dropout": args.dropout,
        "cells": {name: len(board.cells) for name, board in boards.items()},
        "differ_by_at_most_2": wilson(within, args.simulations).figures(),
        "difference_counts": {name: {str(k): n for k, n in sorted(c.items())} for name, c in seen.items()},
    }


def arguments(parser: argparse.ArgumentParser) -> None:
    """How many of what."""
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--raters", type=int, default=100)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--workers", type=int, default=2, help="processes; the figures do not depend on it")


if __name__ == "__main__":
    main("study_balance", __doc__, measure, arguments)

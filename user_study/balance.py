"""How evenly cells are filled, by simulation: raters who come and go, and the assignment code itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from user_study.assignment import Board, IntArray, next_item, plan_session, seed_of
from user_study.design import Design
from user_study.records import Stimulus


def simulate(
    design: Design,
    boards: dict[str, Board],
    stimuli: Sequence[Stimulus],
    raters: int,
    dropout: float,
    together: int,
    seed: int,
) -> dict[str, IntArray]:
    """Completed trials per cell of every block after `raters` raters, up to `together` of them at a time.

    A share `dropout` of the raters stops at a random trial; what they held is given back when they are noticed: when a
    place is free for the next rater. As in the store, one trial beyond the open one is given out ahead.
    """
    rng = np.random.default_rng(seed)
    given = {name: np.zeros(len(board.items), np.int64) for name, board in boards.items()}
    done = {name: np.zeros(len(board.cells), np.int64) for name, board in boards.items()}
    active: list[_Rater] = []
    started = 0
    while started < raters or active:
        while started < raters and len(active) < together:
            active.append(_Rater(design, boards, stimuli, seed_of(seed, started), rng, dropout))
            started += 1
        rater = active[int(rng.integers(len(active)))]
        if not rater.step(given, done):
            rater.leave(given)
            active.remove(rater)
    return done


class _Rater:
    def __init__(
        self,
        design: Design,
        boards: dict[str, Board],
        stimuli: Sequence[Stimulus],
        seed: int,
        rng: np.random.Generator,
        dropout: float,
    ) -> None:
        self.boards, self.seed = boards, seed
        self.slots = plan_session(design, boards, stimuli, seed)
        self.shown: list[int] = []
        self.answered = 0
        self.until = int(rng.integers(len(self.slots))) if rng.random() < dropout else len(self.slots)

    def step(self, given: dict[str, IntArray], done: dict[str, IntArray]) -> bool:
        """Answer the open trial; False when the rater is through or gone."""
        while len(self.shown) < min(self.answered + 2, len(self.slots)):
            slot = self.slots[len(self.shown)]
            item = next_item(self.boards, self.slots, self.shown, given[slot.block], self.seed)
            given[slot.block][item] += slot.role == "trial"
            self.shown.append(item)
        if self.answered >= self.until:
            return False
        slot, item = self.slots[self.answered], self.shown[self.answered]
        if slot.role == "trial":
            done[slot.block][self.boards[slot.block].items[item].cell] += 1
        self.answered += 1
        return self.answered < len(self.slots)

    def leave(self, given: dict[str, IntArray]) -> None:
        """Give back what was not answered."""
        for slot, item in zip(self.slots[self.answered :], self.shown[self.answered :], strict=False):
            given[slot.block][item] -= slot.role == "trial"


def spread(done: dict[str, IntArray]) -> dict[str, int]:
    """Fullest minus emptiest cell of every block."""
    return {name: int(cells.max() - cells.min()) for name, cells in done.items()}

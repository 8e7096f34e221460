"""Who sees what: balance, no sentence twice in a row, designs that cannot work."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eap.errors import ConfigError
from tests.user_study.small_study import DESIGN, EMOTIONS, METHODS
from user_study.assignment import (
    _no_dead_end,
    make_boards,
    pick,
    plan_session,
    play_session,
    refuse_unbalanced,
    seed_of,
)
from user_study.balance import simulate, spread
from user_study.design import Design, parse_design
from user_study.records import Stimulus


def stimuli(methods: int = 3, emotions: int = 3, identities: int = 4, sentences: int = 1) -> list[Stimulus]:
    names = [*METHODS, *(f"m{i}" for i in range(9))][:methods]
    return [
        Stimulus(f"{m}/{e}/{i}/{s}", m, "", f"{i}_{e}_{s}", f"M{i}", e, 3, f"s{s}")
        for m in names
        for e in EMOTIONS[:emotions]
        for i in range(identities)
        for s in range(sentences)
    ]


def design(trials: int = 6, more: str = "", pairs: int = 0) -> Design:
    text = (
        'name="x"\ntitle="x"\nseed=1\n[consent]\ntext="twenty characters at least"\ncontact="c"\n'
        '[[questions]]\nname="emotion"\nkind="emotion"\n[[questions]]\nname="preference"\nkind="preference"\n'
        f'[[blocks]]\nname="a"\nquestions=["emotion"]\ntrials={trials}\n'
    )
    if pairs:
        text += f'[[blocks]]\nname="b"\nquestions=["preference"]\ntrials={pairs}\n'
    return parse_design(text + more)


def test_cells_by_hand() -> None:
    boards = make_boards(design(pairs=2), stimuli(3, 2, 2, 2))
    assert len(boards["a"].cells) == 3 * 2 * 2  # methods x emotions x identities
    assert len(boards["a"].items) == 3 * 2 * 2 * 2  # x sentences
    assert len(boards["b"].cells) == 3 * 2 * 2  # 3 pairs of methods
    assert boards["a"].groups == ("M0\x1fs0", "M0\x1fs1", "M1\x1fs0", "M1\x1fs1")


def test_the_emptiest_cell_is_taken() -> None:
    board = make_boards(design(), stimuli())["a"]
    given = np.full(len(board.items), 4, np.int64)
    given[7] = 3
    assert pick(board, given, [], [], seed=0) == 7
    assert pick(board, given, [7], [], seed=0) != 7  # seen
    assert pick(board, given, [], [board.items[7].group], seed=0) != 7  # just shown


def test_ties_go_to_what_the_rater_saw_least() -> None:
    """One identity and emotion seen of method 0 and 1: the third method, another emotion and identity are next."""
    board = make_boards(design(), stimuli(3, 2, 2))["a"]
    names = [board.cells[item.cell] for item in board.items]
    first = next(i for i, c in enumerate(names) if (c.methods, c.emotion, c.identity) == (("eap",), "angry", "M0"))
    second = next(
        i for i, c in enumerate(names) if (c.methods, c.emotion, c.identity) == (("still-image",), "happy", "M1")
    )
    nothing = np.zeros(len(board.items), np.int64)
    for seed in range(20):
        third = names[pick(board, nothing, [first, second], [], seed)]
        assert third.methods == ("ground-truth",)


def test_seeds_decide_between_equals_and_repeat() -> None:
    board = make_boards(design(), stimuli())["a"]
    nothing = np.zeros(len(board.items), np.int64)
    assert len({pick(board, nothing, [], [], seed) for seed in range(30)}) > 10
    assert [pick(board, nothing, [], [], 3) for _ in range(3)] == [pick(board, nothing, [], [], 3)] * 3
    assert seed_of(1, 2) == seed_of(1, 2) != seed_of(2, 1)


def test_dead_ends_by_hand() -> None:
    # Groups with 3, 1 and 1 items, all 5 to be shown: A must come first (A B A C A).
    left = np.array([3, 1, 1])
    assert _no_dead_end(left, 0, 4)
    assert not _no_dead_end(left, 1, 4)


@settings(max_examples=40, deadline=None)
@given(identities=st.integers(3, 5), sentences=st.integers(1, 2), seed=st.integers(0, 10**6), trials=st.integers(1, 27))
def test_no_sentence_twice_in_a_row_and_no_clip_twice(identities: int, sentences: int, seed: int, trials: int) -> None:
    clips = stimuli(3, 3, identities, sentences)
    plan = design(trials)
    boards = make_boards(plan, clips)
    given_out = {"a": np.zeros(len(clips), np.int64)}
    for rater in range(3):
        slots = plan_session(plan, boards, clips, seed + rater)
        items = [item for _, item in play_session(plan, boards, slots, given_out, seed + rater)]
        groups = [boards["a"].items[item].group for item in items]
        assert all(a != b for a, b in pairwise(groups))
        assert len(set(items)) == len(items) == trials


def test_checks_are_spread_and_repeats_are_late() -> None:
    plan = parse_design(DESIGN)
    clips = stimuli(3, 3, 3)
    boards = make_boards(plan, clips)
    for seed in range(50):
        slots = plan_session(plan, boards, clips, seed)
        roles = [slot.role for slot in slots]
        assert Counter(roles) == {"trial": 10, "training": 1, "gold": 1, "trap": 1, "repeat": 1}
        assert roles[0] == "training"
        assert not any(a != "trial" and b != "trial" for a, b in pairwise(roles[1:]))
        repeat = next(i for i, slot in enumerate(slots) if slot.role == "repeat")
        first = slots[repeat].repeat_of
        assert first is not None
        assert slots[first].role == "trial"
        assert repeat - first > 3


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_cells_are_filled_evenly(dropout: float) -> None:
    """100 raters; 1,000 such simulations are `benchmarks.evidence.study_balance`."""
    clips = stimuli(3, 3, 4)
    plan = design(12, pairs=4)
    boards = make_boards(plan, clips)
    for seed in range(2):
        done = simulate(plan, boards, clips, raters=100, dropout=dropout, together=10, seed=seed)
        assert max(spread(done).values()) <= 2
        if dropout == 0:
            assert done["a"].sum() == 1200
            assert done["b"].sum() == 400


def test_random_assignment_would_not_be_even() -> None:
    """The figure above can fail: the same number of trials given out by chance differs by far more."""
    counts = np.bincount(np.random.default_rng(0).integers(36, size=1200), minlength=36)
    assert counts.max() - counts.min() > 10


@pytest.mark.parametrize(
    ("plan", "clips", "words"),
    [
        (design(30), stimuli(3, 3, 3), "block a asks for 30 trials of 27 items"),
        (design(4), stimuli(3, 3, 1), "would see M0 sentence s0 twice in a row"),
        (design(4, pairs=2), stimuli(1, 3, 3), "block b: there is nothing to show"),
        (
            design(4, '[[gold]]\nblock="a"\nquestion="emotion"\nmethod="eap"\nemotion="fear"\naccept=["fear"]\n'),
            stimuli(),
            "no clip for the known answer on eap fear",
        ),
        (
            design(2, "".join('[[traps]]\nblock="a"\nquestion="emotion"\nanswer="sad"\n' for _ in range(3))),
            stimuli(),
            "3 checks and 0 repeats do not fit between 2 trials",
        ),
    ],
)
def test_designs_that_cannot_be_balanced(plan: Design, clips: list[Stimulus], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        refuse_unbalanced(plan, make_boards(plan, clips), clips)

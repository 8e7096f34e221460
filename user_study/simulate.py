"""Simulated raters: a dry run of a whole study whose truth is known. They write the tables that an export writes.

Sessions are planned by the server's own assignment, so a simulation also shows whether a design fills its cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from user_study.assignment import Board, IntArray, Slot, make_boards, plan_session, play_session, seed_of
from user_study.design import Design
from user_study.perceive import Crowd, Member
from user_study.rater_kinds import DEFAULT_MIX, KINDS, head_count
from user_study.records import Answer, Intensity, Questionnaire, Rater, Stimulus, Tables, Trace, frame

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Truth:
    """What the simulated crowd would say of each method if everybody rated everything."""

    quality: Mapping[str, float]
    """Mean of honest raters' impression, in points of a five-point scale (before it is rounded to a point)."""
    clarity: Mapping[str, float]
    """Share of honest raters who name the driving emotion of an average clip."""
    following: Mapping[str, float]
    """Share of the true movement of intensity that is seen."""
    clip_sd: float = 0.35
    """Spread of clips within a method."""
    sentence_sd: float = 0.25
    """Spread that all methods' clips of one sentence share."""
    tie_width: float = 0.4
    """Impressions closer than this look the same in a pair."""

    def record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Simulation:
    """The tables with the truth they come from."""

    tables: Tables
    truth: Truth
    kinds: Mapping[str, str] = field(default_factory=dict)


def default_truth(methods: Sequence[str]) -> Truth:
    """A ladder: ground truth on top, the others evenly below it in the order given."""
    order = sorted(methods, key=lambda name: (name != "ground-truth", list(methods).index(name)))
    steps = np.linspace(1.0, 0.0, max(len(order), 2))[: len(order)]
    return Truth(
        quality={name: round(2.0 + 2.2 * float(s), 3) for name, s in zip(order, steps, strict=True)},
        clarity={name: round(0.35 + 0.45 * float(s), 3) for name, s in zip(order, steps, strict=True)},
        following={name: round(0.1 + 0.85 * float(s), 3) for name, s in zip(order, steps, strict=True)},
    )


def simulate(
    design: Design,
    design_text: str,
    stimuli: Sequence[Stimulus],
    intensity: Sequence[Intensity] = (),
    *,
    raters: int | None = None,
    mix: Mapping[str, float] | None = None,
    truth: Truth | None = None,
    seed: int = 0,
    progress: Callable[[], None] = lambda: None,
) -> Simulation:
    """Let a crowd rate the stimuli as the design asks. Same arguments, same tables. Raises ConfigError (assignment)."""
    count = design.raters if raters is None else raters
    methods = list(dict.fromkeys(s.method for s in stimuli))
    truth = truth or default_truth(methods)
    boards = make_boards(design, stimuli)
    crowd = Crowd(design, {s.stimulus: s for s in stimuli}, intensity, truth, seed)
    kinds = head_count(mix or DEFAULT_MIX, count)
    order = np.random.default_rng(seed_of(seed, "order")).permutation(len(kinds))
    given = {name: np.zeros(len(board.items), np.int64) for name, board in boards.items()}
    rows = _Rows()
    for number, index in enumerate(order):
        member = crowd.member(f"s{number:04d}", KINDS[kinds[index]], seed_of(seed, "rater", number))
        _session(design, boards, stimuli, given, crowd, member, rows)
        progress()
    tables = Tables(
        answers=frame(rows.answers, Answer), traces=frame(rows.traces, Trace), raters=frame(rows.raters, Rater),
        stimuli=frame(stimuli, Stimulus), intensity=frame(intensity, Intensity),
        questionnaire=frame([], Questionnaire), design_text=design_text,
    )  # fmt: skip
    return Simulation(tables, truth, {r.rater: r.model for r in rows.raters})


@dataclass
class _Rows:
    answers: list[Answer] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    raters: list[Rater] = field(default_factory=list)


def _session(
    design: Design,
    boards: dict[str, Board],
    stimuli: Sequence[Stimulus],
    given: dict[str, IntArray],
    crowd: Crowd,
    member: Member,
    rows: _Rows,
) -> None:
    slots = plan_session(design, boards, stimuli, member.seed)
    leaves = member.kind.leaves > 0 and member.rng.random() < member.kind.leaves
    until = int(member.rng.integers(1, max(2, len(slots)))) if leaves else len(slots)
    shown = play_session(design, boards, slots, given, member.seed, until)
    if leaves:  # the trials of who left do not count: they are given to others
        for slot, item in shown:
            if slot.role == "trial":
                given[slot.block][item] -= 1
    sides: dict[int, tuple[str, ...]] = {}
    for position, (slot, item) in enumerate(shown):
        seen = _sides(slot, boards[slot.block].items[item].stimuli, sides, member)
        sides[position] = seen
        for name in design.block(slot.block).questions:
            if slot.role in ("gold", "trap", "training") and _known(design, slot).question != name:
                continue
            answer, trace = crowd.answer(member, slot, position, seen, name, len(rows.answers))
            rows.answers.append(answer)
            rows.traces += trace
    planned = sum(slot.role != "training" for slot in slots)
    done = sum(slot.role != "training" for slot, _ in shown)
    rows.raters.append(
        Rater(
            rater=member.name, state="dropped" if leaves else "done", trials_planned=planned, trials_done=done,
            seed=member.seed, platform="simulated", consent_version=design.consent.version, model=member.kind.name,
        )
    )  # fmt: skip


def _known(design: Design, slot: Slot) -> Any:
    of = {"gold": design.gold, "trap": design.traps, "training": design.training}[slot.role]
    assert slot.known is not None
    return of[slot.known]


def _sides(
    slot: Slot, stimuli: tuple[str, ...], before: Mapping[int, tuple[str, ...]], member: Member
) -> tuple[str, ...]:
    """Left and right of a pair: by chance, but as at the first showing, and as a known answer wants it."""
    if slot.repeat_of is not None:
        return before[slot.repeat_of]
    if len(stimuli) == 2 and slot.role in ("trial", "trap") and member.rng.random() < 0.5:
        return stimuli[::-1]
    return stimuli

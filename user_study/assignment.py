"""Who sees what: sessions planned from a seed, clips given out least-filled first.

A *cell* is methods x track x emotion x identity of one block; an *item* is one clip (or pair) in it. A trial takes, of
all items the rater has not seen, one of the cell that was given out least: completed and pending trials count, those of
raters who left do not. Ties go to what this rater saw least of, then to the rater's own seed. Two trials in a row never
show the same sentence of the same identity. Everything here is pure: the store holds the counts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from eap.errors import ConfigError
from user_study.design import Block, Design, Known
from user_study.records import Role, Stimulus

MIN_REPEAT_GAP = 3
"""At least so many trials lie between the showings of a repeated trial."""
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Cell:
    """What is filled evenly."""

    methods: tuple[str, ...]
    track: str
    emotion: str
    identity: str


@dataclass(frozen=True)
class Item:
    """What can be shown: one stimulus, or two (a pair, unordered)."""

    stimuli: tuple[str, ...]
    cell: int
    group: str
    """Identity and sentence: not twice in a row."""


@dataclass(frozen=True, eq=False)
class Board:
    """All items of one block with what choosing needs as arrays (n items)."""

    block: str
    cells: tuple[Cell, ...]
    items: tuple[Item, ...]
    cell_of: IntArray
    groups: tuple[str, ...]
    group_of: IntArray
    features: tuple[IntArray, ...]
    """Codes of the methods (one array per side), emotion and identity: what a rater's own trials are balanced over."""


@dataclass(frozen=True)
class Slot:
    """A place in a rater's session."""

    block: str
    role: Role
    item: int | None = None
    """Fixed item (gold, training); None: chosen when its turn comes."""
    repeat_of: int | None = None
    known: int | None = None
    """Index into the design's training, gold or traps."""


def seed_of(*parts: object) -> int:
    """A 63-bit seed from words and numbers, the same on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def make_boards(design: Design, stimuli: Sequence[Stimulus]) -> dict[str, Board]:
    """Cells and items of every block, in a fixed order. Raises ConfigError for a block nothing can be shown in."""
    return {block.name: _board(design, block, stimuli) for block in design.blocks}


def _board(design: Design, block: Block, stimuli: Sequence[Stimulus]) -> Board:
    by_clip: dict[tuple[str, str], list[Stimulus]] = {}
    for stimulus in sorted(stimuli, key=lambda s: (s.track, s.clip, s.method)):
        by_clip.setdefault((stimulus.track, stimulus.clip), []).append(stimulus)
    sets: list[tuple[Stimulus, ...]] = []
    for together in by_clip.values():
        if design.kind(block.name) == "pair":
            wanted = {frozenset(pair) for pair in block.pairs}
            sets += [p for p in combinations(together, 2) if not wanted or {p[0].method, p[1].method} in wanted]
        else:
            sets += [(stimulus,) for stimulus in together]
    if not sets:
        raise ConfigError(
            f"block {block.name}: there is nothing to show", fix="it needs two methods with the same clips"
        )
    cells: dict[Cell, int] = {}
    items = []
    for shown in sets:
        first = shown[0]
        cell = Cell(tuple(s.method for s in shown), first.track, first.emotion, first.identity)
        group = f"{first.identity}\x1f{first.sentence or first.clip}"
        items.append(Item(tuple(s.stimulus for s in shown), cells.setdefault(cell, len(cells)), group))
    return _indexed(block.name, tuple(cells), tuple(items))


def _indexed(name: str, cells: tuple[Cell, ...], items: tuple[Item, ...]) -> Board:
    groups = tuple(dict.fromkeys(item.group for item in items))
    mine = [cells[item.cell] for item in items]
    columns = [[cell.methods[side] for cell in mine] for side in range(len(cells[0].methods))]
    columns += [[cell.emotion for cell in mine], [cell.identity for cell in mine]]
    return Board(
        name, cells, items, np.array([item.cell for item in items], np.int64), groups,
        _codes([item.group for item in items], groups), tuple(_codes(column) for column in columns),
    )  # fmt: skip


def _codes(values: Sequence[str], names: Sequence[str] = ()) -> IntArray:
    index = {name: i for i, name in enumerate(names or sorted(set(values)))}
    return np.array([index[value] for value in values], np.int64)


def pick(
    board: Board,
    given: IntArray,
    seen: Sequence[int],
    avoid: Sequence[str],
    seed: int,
    remaining: int = 1,
) -> int:
    """The item a rater gets next.

    given: per item, how often it was given out to raters who count (n,). seen: items this rater had. avoid: groups of
    the trials before and after (the last named is the first to be given up). remaining: trials of the block still to
    come, this one included, so that no dead end is walked into. Raises ConfigError when every item was seen.
    """
    open_items = np.ones(len(board.items), bool)
    open_items[list(seen)] = False
    if not open_items.any():
        raise ConfigError(f"block {board.block}: a rater has seen all its items", fix="ask for fewer trials per rater")
    free = open_items
    for group in avoid:  # as many as leave something to show
        if group in board.groups:
            narrower = free & (board.group_of != board.groups.index(group))
            if not narrower.any():
                break
            free = narrower
    candidates = np.flatnonzero(free)
    order = candidates[_ranking(board, given, np.array(seen, np.int64), candidates, seed)]
    left = np.bincount(board.group_of[open_items], minlength=len(board.groups))
    for item in order:
        if _no_dead_end(left, int(board.group_of[item]), remaining - 1):
            return int(item)
    return int(order[0])


def _ranking(board: Board, given: IntArray, seen: IntArray, candidates: IntArray, seed: int) -> IntArray:
    cells = np.bincount(board.cell_of, weights=given, minlength=len(board.cells))
    own = np.bincount(board.cell_of[seen], minlength=len(board.cells)) if len(seen) else np.zeros(len(board.cells))
    mine = np.zeros(len(candidates))
    for feature in board.features:
        counts = np.bincount(feature[seen], minlength=int(feature.max()) + 1)
        mine += counts[feature[candidates]]
    dice = np.random.default_rng(seed).random(len(board.items))[candidates]
    cell = board.cell_of[candidates]
    return np.lexsort((dice, given[candidates], mine, own[cell], cells[cell]))


def _no_dead_end(left: IntArray, group: int, trials: int) -> bool:
    """Whether `trials` more can follow one of `group` with no group twice in a row, out of `left` items per group.

    A group fits at most every second time: ceil(n/2) of n places, floor(n/2) for the group just shown.
    """
    if trials <= 0:
        return True
    fits = np.minimum(left, (trials + 1) // 2)
    fits[group] = min(int(left[group]) - 1, trials // 2)
    return bool(fits.sum() >= trials)


def plan_session(design: Design, boards: dict[str, Board], stimuli: Sequence[Stimulus], seed: int) -> tuple[Slot, ...]:
    """A rater's session: training, then the blocks with their gold, traps and repeats spread between the trials."""
    rng = np.random.default_rng(seed)
    methods = {stimulus.stimulus: stimulus.method for stimulus in stimuli}
    slots: list[Slot] = []
    last = ""
    for index, training in enumerate(design.training):
        board = boards[training.block]
        item = _known_item(board, training, methods, rng, last)
        last = board.items[item].group
        slots.append(Slot(training.block, "training", item, known=index))
    for block in design.blocks:
        slots += _block_slots(design, block, boards[block.name], methods, rng, len(slots))
    return tuple(slots)


def _block_slots(
    design: Design, block: Block, board: Board, methods: dict[str, str], rng: np.random.Generator, start: int
) -> list[Slot]:
    checks: list[Slot] = [
        Slot(block.name, "gold", _known_item(board, gold, methods, rng), known=index)
        for index, gold in enumerate(design.gold)
        if gold.block == block.name
    ]
    checks += [Slot(block.name, "trap", known=i) for i, trap in enumerate(design.traps) if trap.block == block.name]
    # A check stands in a gap after one of the trials, one check a gap: two fixed clips never touch.
    late = np.arange(max(MIN_REPEAT_GAP, block.trials // 2), block.trials)
    repeat_gaps = rng.permutation(late)[: block.repeats]
    free = np.setdiff1d(np.arange(block.trials - 1), repeat_gaps)
    gaps = rng.permutation(free)[: len(checks)]
    if len(repeat_gaps) < block.repeats or len(gaps) < len(checks):
        raise ConfigError(
            f"block {block.name}: {len(checks)} checks and {block.repeats} repeats do not fit between "
            f"{block.trials} trials",
            fix="ask for more trials, or fewer checks",
        )
    after: dict[int, Slot | None] = {int(gap): None for gap in repeat_gaps}
    after |= {
        int(gap): check for gap, check in zip(gaps, [checks[i] for i in rng.permutation(len(checks))], strict=True)
    }
    slots: list[Slot] = []
    places: list[int] = []  # position of each trial
    repeated: set[int] = set()
    for trial in range(block.trials):
        places.append(start + len(slots))
        slots.append(Slot(block.name, "trial"))
        if trial in after:
            check = after[trial]
            if check is None:
                fresh = [p for p in range(trial - MIN_REPEAT_GAP + 1) if p not in repeated]
                first = int(rng.choice(fresh))
                repeated.add(first)
                check = Slot(block.name, "repeat", repeat_of=places[first])
            slots.append(check)
    return slots


def _known_item(board: Board, known: Known, methods: dict[str, str], rng: np.random.Generator, avoid: str = "") -> int:
    wanted = {known.method, known.against} - {""}
    fitting = [
        index
        for index, item in enumerate(board.items)
        if {methods[s] for s in item.stimuli} == wanted
        and known.emotion in ("", board.cells[item.cell].emotion)
        and known.identity in ("", board.cells[item.cell].identity)
    ]
    fitting = [index for index in fitting if board.items[index].group != avoid] or fitting
    if not fitting:
        what = " ".join(part for part in (known.method, known.emotion, known.identity) if part)
        raise ConfigError(f"block {board.block}: no clip for the known answer on {what}", fix="correct the design")
    return int(rng.choice(fitting))


def refuse_unbalanced(design: Design, boards: dict[str, Board], stimuli: Sequence[Stimulus], raters: int = 12) -> None:
    """Play a few whole sessions. Raises ConfigError when a block cannot be balanced as the design asks."""
    for block in design.blocks:
        board = boards[block.name]
        if block.trials > len(board.items):
            raise ConfigError(
                f"the design cannot be balanced: block {block.name} asks for {block.trials} trials of "
                f"{len(board.items)} items",
                fix="ask for fewer trials or more stimuli",
            )
    given = {name: np.zeros(len(board.items), np.int64) for name, board in boards.items()}
    for number in range(raters):
        seed = seed_of(design.seed, number)
        shown = play_session(design, boards, plan_session(design, boards, stimuli, seed), given, seed)
        groups = [boards[slot.block].items[item].group for slot, item in shown]
        for before, after, (slot, _) in zip(groups, groups[1:], shown[1:], strict=False):
            if before == after:
                name = " sentence ".join(after.split("\x1f"))
                raise ConfigError(
                    f"the design cannot be balanced: in block {slot.block} a rater would see {name} twice in a row",
                    fix="use more sentences or identities, or fewer trials",
                )


def play_session(
    design: Design,
    boards: dict[str, Board],
    slots: Sequence[Slot],
    given: dict[str, IntArray],
    seed: int,
    until: int | None = None,
) -> list[tuple[Slot, int]]:
    """Fill a session's slots with the store's own steps, counting in `given`; stop before position `until`."""
    shown: list[tuple[Slot, int]] = []
    for slot in slots[:until]:
        item = next_item(boards, slots, [item for _, item in shown], given[slot.block], seed)
        if slot.role == "trial":
            given[slot.block][item] += 1
        shown.append((slot, item))
    return shown


def next_item(boards: dict[str, Board], slots: Sequence[Slot], shown: Sequence[int], given: IntArray, seed: int) -> int:
    """The item for position len(shown) of a session whose earlier positions showed `shown`."""
    position = len(shown)
    slot = slots[position]
    board = boards[slot.block]
    if slot.repeat_of is not None:
        return shown[slot.repeat_of]
    if slot.item is not None:
        return slot.item
    avoid = []
    if position:
        before = slots[position - 1]
        avoid.append(boards[before.block].items[shown[-1]].group)
    if position + 1 < len(slots):
        after = slots[position + 1]
        fixed = after.item if after.repeat_of is None else dict(enumerate(shown)).get(after.repeat_of)
        if fixed is not None:
            avoid.append(boards[after.block].items[fixed].group)
    seen = [
        item
        for earlier, item in zip(slots, shown, strict=False)
        if earlier.block == slot.block and earlier.role in ("trial", "repeat")
    ]
    remaining = Counter((s.block, s.role) for s in slots[position:])[(slot.block, "trial")]
    if slot.role == "trap":  # any clip will do: the ratings' clips are not used up
        return pick(board, np.zeros_like(given), [], avoid, seed_of(seed, position))
    return pick(board, given, sorted(set(seen)), avoid, seed_of(seed, position), max(1, remaining))

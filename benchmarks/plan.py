"""The plan of a run: one task per clip that must be made and measured, with its reference image and audio chosen.

Every choice depends only on the suite's seed and the clip's id, never on the order of work, so that a
resumed run plans the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from benchmarks.methods import Method
from benchmarks.suites import Suite, Track
from eap.data.clip import Clip, Manifest, clip_id
from eap.errors import DataError


@dataclass(frozen=True)
class Task:
    """One clip of one method. ``tracks`` has several entries where the clip does not depend on the reference image."""

    method: Method
    tracks: tuple[Track, ...]
    clip: Clip
    reference: Clip | None = None
    """The clip whose frame is the reference image."""
    audio: Clip | None = None
    """The clip whose audio drives, where it is not ``clip``'s own."""
    problem: str = ""
    """Why the task cannot be done; it then becomes a row with this reason."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Method, first track and clip: names the task in the journal."""
        return (self.method.name, self.tracks[0], self.clip.id)


@dataclass(frozen=True)
class Selection:
    """Clips that are measured, the pool of clips that references and other audio may come from, and what is absent."""

    clips: tuple[Clip, ...]
    pool: tuple[Clip, ...]
    absent: tuple[str, ...] = ()
    """Cells of the suite for which the dataset has no file, in words."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Clip id -> why it cannot be used; such a clip is expected all the same, and becomes rows with this reason."""


def select_world(manifest: Manifest, suite: Suite) -> Selection:
    """The suite's clips in the embedded world; a missing one is an error, for the world is ours to complete."""
    found = {(_number(clip), clip.emotion, clip.level, int(clip.sentence)): clip for clip in manifest.clips}
    clips: list[Clip] = []
    for cell in suite.cells():
        clip = found.get((cell.identity, cell.emotion, cell.level, cell.sentence))
        if clip is None:
            raise DataError(
                f"{manifest.root}: no clip of identity {cell.identity}, {cell.emotion}, level {cell.level}",
                fix="clear the cached world with 'eap-bench cache clear' and run again",
            )
        clips.append(clip)
    return Selection(tuple(clips), manifest.clips)


def select_data(manifest: Manifest, suite: Suite) -> Selection:
    """The suite's clips in a MEAD folder: its named identities where present, else the first ones by name."""
    present = manifest.identities
    wanted = [name for name in suite.data_identities if name in present] or list(present[: suite.identities])
    clips: list[Clip] = []
    absent: list[str] = []
    problems: dict[str, str] = {}
    for identity in wanted:
        for emotion in suite.emotions:
            for level in suite.levels_of(emotion):
                cell = manifest.filter(identities=[identity], emotions=[emotion], levels=[level], views=["front"])
                if cell.clips:
                    clips.append(min(cell.clips, key=lambda clip: clip.sentence))
                elif broken := _rejected(manifest, identity, emotion, level):
                    clips.append(broken[0])
                    problems[broken[0].id] = broken[1]
                else:
                    absent.append(f"{identity} {emotion} level_{level}")
    if len(clips) == len(problems):
        raise DataError(
            f"{manifest.root}: no clip of the suite '{suite.name}' among {len(manifest)} readable clips",
            fix="the suite needs front views of its emotions and levels; see 'eap-bench data verify'",
        )
    pool = tuple(clip for clip in manifest.clips if clip.identity in wanted)
    return Selection(tuple(clips), pool, tuple(absent), problems)


def _rejected(manifest: Manifest, identity: str, emotion: str, level: int) -> tuple[Clip, str] | None:
    """The first file of a cell that could not be used, and why."""
    for item in manifest.rejected:
        parts = item.path.parts
        if parts[-3:-1] == (emotion, f"level_{level}") and "front" in parts and identity in parts:
            sentence = item.path.stem
            name = clip_id(identity, "front", emotion, level, sentence)
            return Clip(name, identity, emotion, level, "front", sentence, item.path), f"{item.path}: {item.reason}"
    return None


def build_tasks(selection: Selection, suite: Suite, methods: Sequence[Method]) -> list[Task]:
    """All tasks: ground truth first (its features serve the others), then clip by clip."""
    tasks: list[Task] = []
    ordered = sorted(methods, key=lambda method: method.kind != "ground-truth")
    first = [method for method in ordered if method.kind == "ground-truth"]
    rest = [method for method in ordered if method.kind != "ground-truth"]
    for group in (first, rest):
        for clip in selection.clips:
            for method in group:
                planned = _tasks_of(method, clip, selection.pool, suite)
                problem = selection.problems.get(clip.id)
                tasks.extend(replace(task, problem=problem) if problem else task for task in planned)
    return tasks


def _tasks_of(method: Method, clip: Clip, pool: Sequence[Clip], suite: Suite) -> list[Task]:
    if method.kind == "mismatched":
        other = choose_audio(pool, clip, suite.seed)
        problem = "" if other else f"{clip.identity} has no clip with another sentence to take the audio from"
        return [Task(method, suite.tracks, clip, audio=other, problem=problem)]
    if not method.uses_reference:
        return [Task(method, suite.tracks, clip)]
    tasks = []
    for track in suite.tracks:
        reference = choose_reference(pool, clip, track, suite.seed)
        problem = "" if reference else f"{clip.identity} has no other {track} clip to take the reference image from"
        tasks.append(Task(method, (track,), clip, reference=reference, problem=problem))
    return tasks


def choose_reference(pool: Sequence[Clip], clip: Clip, track: Track, seed: int) -> Clip | None:
    """The clip whose frame is shown to the method: same identity and view, never the driving clip itself.

    neutral: a neutral clip. emotional: another emotion than the driving one (and than neutral), at the strongest
    level there is. None where the dataset has no such clip.
    """
    own = [c for c in pool if c.identity == clip.identity and c.view == clip.view and c.id != clip.id]
    if track == "neutral":
        # The clip with the highest sentence number: the one that `Suite.reference_cells` adds for this purpose.
        neutral = [c for c in own if c.emotion == "neutral"]
        return max(neutral, key=lambda c: c.sentence, default=None)
    emotional = [c for c in own if c.emotion not in (None, "neutral", clip.emotion)]
    strongest = max((c.level or 0 for c in emotional), default=0)
    return _draw([c for c in emotional if (c.level or 0) == strongest], clip, "reference", seed)


def choose_audio(pool: Sequence[Clip], clip: Clip, seed: int) -> Clip | None:
    """Another clip of the identity that says another sentence; None where there is none."""
    others = [c for c in pool if c.identity == clip.identity and c.view == clip.view and c.sentence != clip.sentence]
    return _draw(others, clip, "audio", seed)


def _draw(candidates: Sequence[Clip], clip: Clip, purpose: str, seed: int) -> Clip | None:
    if not candidates:
        return None
    digest = hashlib.sha256(f"{seed}|{purpose}|{clip.id}".encode()).digest()
    return sorted(candidates, key=lambda c: c.id)[int.from_bytes(digest[:8], "big") % len(candidates)]


def _number(clip: Clip) -> int:
    digits = clip.identity.lstrip("MW")
    return int(digits) if digits.isdigit() else -1

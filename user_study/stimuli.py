"""Clips of a run, or of folders, as stimuli: chosen by the design, checked, copied under names that say nothing.

A copy keeps the coded picture where browsers can play it (H.264, 4:2:0, 8 bit) and loses everything else of the
container: titles, comments and handler names can hold a method's name.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from eap import media
from eap.constants import FPS
from eap.errors import ConfigError, DataError, EapError
from user_study.design import Design, StimulusChoice
from user_study.records import Intensity, Stimulus

if TYPE_CHECKING:
    import pandas as pd

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg")
PLAYABLE = ("h264", "yuv420p")
"""Codec and pixel format that every browser plays."""
SHOWN_ERRORS = 8
SECONDS_MAX = 120.0
SERIES = ("intensity", "intensity_true")


@dataclass(frozen=True)
class Source:
    """One clip where it lies."""

    method: str
    track: str
    clip: str
    identity: str
    emotion: str
    level: int | None
    sentence: str
    video: Path
    reference: Path | None = None
    series: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """Name of a series of r(t) -> one value per frame."""

    @property
    def name(self) -> str:
        """Names it in messages."""
        return "/".join(part for part in (self.method, self.track, self.clip) if part)


def sources_of_run(directory: Path) -> list[Source]:
    """All clips a finished run generated. Raises DataError for what is not a run."""
    from metrics.rundir import load_run

    run = load_run(directory)
    clips = {clip.id: clip for clip in run.info.clips}
    series = _series(run.frames)
    truths = {(t, c): {SERIES[1]: s[SERIES[1]]} for (_, t, c), s in series.items() if SERIES[1] in s}
    found = []
    for record in run.records:
        if record.status != "ok" or not record.media:
            continue
        info = clips.get(record.clip)
        truth = truths.get((record.track, record.clip), {})
        mine = series.get((record.method, record.track, record.clip), {})
        shown = Source(
            method=record.method,
            track=record.track,
            clip=record.clip,
            identity=record.identity,
            emotion=record.emotion or "",
            level=record.level,
            sentence=info.sentence if info else "",
            video=run.root / record.media,
            reference=run.root / record.reference if record.reference else None,
            series={name: values for name, values in (truth | mine).items() if name in SERIES},
        )
        found.append(shown)
    if not found:
        raise DataError(f"{directory}: no clip was generated in this run", fix="look at its report for the reasons")
    return found


def _series(frames: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, tuple[float, ...]]]:
    series: dict[tuple[str, str, str], dict[str, tuple[float, ...]]] = {}
    wanted = frames[frames["series"].isin(SERIES)]
    for key, group in wanted.groupby(["method", "track", "clip", "series"], sort=False):
        method, track, clip, name = (str(part) for part in key)
        values = tuple(float(value) for value in group.sort_values("frame")["value"])
        series.setdefault((method, track, clip), {})[name] = values
    return series


def sources_of_folders(folders: Sequence[tuple[str, Path]]) -> list[Source]:
    """One folder of videos per method; files of the same relative name belong together.

    Names are read as MEAD's (`M003_front_happy_3_012.mp4`, or folders of the MEAD layout); the identity of any other is
    its name's first part. Raises DataError for a folder without videos.
    """
    found: list[Source] = []
    for method, folder in folders:
        videos = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
        if not videos:
            raise DataError(f"{folder}: no video in it", fix="give --method NAME=FOLDER with the method's clips")
        for path in videos:
            found.append(_from_name(method, path, path.relative_to(folder).with_suffix("").as_posix()))
    return found


def _from_name(method: str, path: Path, clip: str) -> Source:
    from eap.constants import EMOTIONS

    parts = clip.replace("/", "_").split("_")
    emotion = next((part for part in parts if part in EMOTIONS), "")
    rest = parts[parts.index(emotion) + 1 :] if emotion else []
    numbers = [part for part in rest if part.isdigit()]
    level = int(numbers[0]) if len(numbers) > 1 and numbers[0] in ("1", "2", "3") else None
    sentence = numbers[-1] if numbers else clip
    reference = next((p for p in (path.with_suffix(".png"), path.with_suffix(".jpg")) if p.is_file()), None)
    return Source(method, "", clip, parts[0], emotion, level, sentence, path, reference)


def choose(sources: Iterable[Source], choice: StimulusChoice, methods: Sequence[str] = ()) -> list[Source]:
    """The sources a design asks for. Raises ConfigError naming the first value the source does not have."""
    sources = list(sources)
    wanted: dict[str, tuple[object, ...]] = {
        "methods": choice.methods or tuple(methods), "tracks": choice.tracks, "emotions": choice.emotions,
        "identities": choice.identities, "sentences": choice.sentences, "levels": choice.levels,
    }  # fmt: skip
    of = {
        "methods": lambda s: s.method, "tracks": lambda s: s.track, "emotions": lambda s: s.emotion,
        "identities": lambda s: s.identity, "sentences": lambda s: s.sentence, "levels": lambda s: s.level,
    }  # fmt: skip
    for key, values in wanted.items():
        there = {of[key](source) for source in sources}
        if unknown := [value for value in values if value not in there]:
            has = ", ".join(sorted(str(value) for value in there))
            raise ConfigError(
                f"stimuli.{key}: the source has no {unknown[0]!r} (it has {has})", fix="correct the design"
            )
    return [s for s in sources if all(not values or of[key](s) in values for key, values in wanted.items())]


def refuse_gaps(sources: Sequence[Source]) -> None:
    """Every clip must exist by every method, else cells cannot be filled evenly. Raises ConfigError naming the gaps."""
    methods = sorted({source.method for source in sources})
    clips = sorted({(source.track, source.clip) for source in sources})
    there = {(source.method, source.track, source.clip) for source in sources}
    gaps = [f"{m}/{t + '/' if t else ''}{c}" for t, c in clips for m in methods if (m, t, c) not in there]
    if gaps:
        shown = ", ".join(gaps[:SHOWN_ERRORS]) + (
            f" and {len(gaps) - SHOWN_ERRORS} more" if gaps[SHOWN_ERRORS:] else ""
        )
        raise ConfigError(
            f"the design cannot be balanced: {len(gaps)} clips are missing: {shown}",
            fix="leave out those methods or clips in [stimuli], or generate them",
        )


def stimulus_id(key: bytes, source: Source, kind: str = "clip") -> str:
    """An id nobody can guess without the study's key: HMAC-SHA256 of the name, 32 hex digits."""
    text = "\x1f".join((kind, source.method, source.track, source.clip))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def copy_all(
    sources: Sequence[Source], folder: Path, key: bytes, progress: Callable[[], None] = lambda: None
) -> list[Stimulus]:
    """Copy every source into `folder`/media. Raises DataError that lists every clip that is missing or unplayable."""
    made: list[Stimulus] = []
    problems: list[str] = []
    (folder / "media").mkdir(parents=True, exist_ok=True)
    for source in sources:
        try:
            made.append(_copy(source, folder, key))
        except EapError as error:
            problems.append(f"{source.name}: {error.message}")
        progress()
    if problems:
        more = f" (and {len(problems) - SHOWN_ERRORS} more)" if problems[SHOWN_ERRORS:] else ""
        raise DataError(
            f"{len(problems)} of {len(sources)} stimuli cannot be shown: " + "; ".join(problems[:SHOWN_ERRORS]) + more,
            fix="mend or regenerate these files, or leave them out in [stimuli]",
        )
    return made


def _copy(source: Source, folder: Path, key: bytes) -> Stimulus:
    name = stimulus_id(key, source)
    target = folder / "media" / f"{name}.mp4"
    info = media.probe(source.video)
    if not info.has_video:
        raise DataError(f"{source.video}: has no picture", fix="give a video")
    if (info.codec, info.pixel_format) == PLAYABLE and not info.rotation and info.has_audio:
        media.mux(source.video, source.video, target)
    else:
        clip = media.read_video(source.video, fps=info.fps)
        media.write_video(target, clip.frames, info.fps, clip.audio, clip.rate, crf=12)
    frames = sum(len(block) for block in media.read_frames(target, fps=None))  # decodes all of it
    seconds = frames / info.fps
    if not 0.2 <= seconds <= SECONDS_MAX:
        raise DataError(f"{source.video}: {seconds:.1f} s long", fix=f"use clips of 0.2 to {SECONDS_MAX:.0f} s")
    stimulus = Stimulus(
        stimulus=name, method=source.method, track=source.track, clip=source.clip, identity=source.identity,
        emotion=source.emotion, level=source.level, sentence=source.sentence, media=f"media/{name}.mp4",
        seconds=round(seconds, 4), fps=info.fps,
    )  # fmt: skip
    if source.reference is None:
        return stimulus
    picture = folder / "media" / f"{stimulus_id(key, source, 'reference')}.png"
    media.write_image(picture, media.read_image(source.reference))
    return replace(stimulus, reference=picture.relative_to(folder).as_posix())


def intensities(sources: Sequence[Source], stimuli: Sequence[Stimulus]) -> list[Intensity]:
    """r(t) of every stimulus that the run measured, one row per frame; times are those of the project's 25 fps."""
    return [
        Intensity(stimulus.stimulus, stimulus.method, stimulus.track, stimulus.clip, name, round(frame / FPS, 4), value)
        for source, stimulus in zip(sources, stimuli, strict=True)
        for name, values in sorted(source.series.items())
        for frame, value in enumerate(values)
    ]


def refuse_unfit(design: Design, stimuli: Sequence[Stimulus]) -> None:
    """What a design asks of the stimuli beyond being there. Raises ConfigError."""
    asks_reference = [q.name for q in design.questions if q.kind == "acr" and q.reference]
    if asks_reference and (bare := [s for s in stimuli if not s.reference]):
        raise ConfigError(
            f"question {asks_reference[0]} shows the reference image, but {bare[0].clip} has none",
            fix="put <clip>.png beside each video, or set reference = false",
        )
    methods = {stimulus.method for stimulus in stimuli}
    for what, names in (
        ("gold", [n for k in design.gold for n in (k.method, k.against)]),
        ("training", [n for k in design.training for n in (k.method, k.against)]),
        ("pairs", [n for b in design.blocks for pair in b.pairs for n in pair]),
        ("analysis.focus", [design.analysis.focus]),
    ):
        if unknown := [name for name in names if name and name not in methods]:
            raise ConfigError(
                f"{what}: no method {unknown[0]!r} among the stimuli ({', '.join(sorted(methods))})",
                fix="correct the design",
            )

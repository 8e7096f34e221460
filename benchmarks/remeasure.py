"""Measuring the clips of a finished run again, each changed on the way: for A/A noise and for planted damage.

Nothing is generated anew: the media files of the run are altered and measured as a run measures them, so a difference
to the run is the alteration's alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.executors import make_executor
from benchmarks.faults import reason_of
from benchmarks.methods import Method
from benchmarks.parts import MeasureSettings, Parts
from benchmarks.plan import Task, build_tasks, select_world
from benchmarks.produce import Places, Produced, truth_video
from benchmarks.suites import Suite
from benchmarks.work import records_of
from eap.errors import ConfigError, DataError
from metrics.rundir import ClipRecord, RunFiles, journal_values

Alter = Callable[[Task, Path, Path], None]
"""(task, the run's media file, where the altered one goes). What it raises becomes the clip's reason. Picklable."""


@dataclass(frozen=True)
class _Again:
    """Callable and picklable: one task of the run, altered and measured."""

    parts: Parts
    run: Path
    out: Path
    suite: Suite
    measuring: MeasureSettings
    alter: Alter

    def __call__(self, task: Task) -> list[ClipRecord]:
        track, clip = task.tracks[0], task.clip.id
        source, target = (RunFiles(root).media(task.method.name, track, clip) for root in (self.run, self.out))
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.alter(task, source, target)
            produced = Produced(target, truth_video(task.clip, Places(self.out, self.suite.size)))
            measured = self.parts.measure(task, produced, self.measuring)
        except Exception as error:
            # As in a run: what goes wrong with one clip is its row's reason.
            return records_of(task, status="failed", reason=reason_of(error))
        return records_of(
            task,
            status="ok",
            media=RunFiles(self.out).relative(target),
            judged_emotion=measured.judged_emotion,
            values=journal_values(measured.values),
            features=measured.features,
        )


def remeasure(
    run: Path,
    out: Path,
    alter: Alter,
    *,
    parts: Parts,
    methods: Sequence[str] = (),
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Write ``out``, a run directory like ``run`` with the clips of ``methods`` (default: all) altered.

    Rows of other methods are taken over as they are. Only for finished runs of the embedded world: ConfigError for
    others. Raises DataError when the world's clips are no longer those of the run.
    """
    info = RunFiles(run).read_info()
    if info.data or not info.finished:
        raise ConfigError(f"{run}: only finished runs of the embedded world can be measured again", fix="run a suite")
    suite, rows = _suite_of(run, info.suite)
    suite = suite.model_copy(update={"tracks": info.tracks})
    selection = select_world(parts.world(suite, workers, lambda done, total: None), suite)
    if {clip.id for clip in selection.clips} != {clip.id for clip in info.clips}:
        raise DataError(
            f"{run}: the suite has other clips now", fix=f"run it again: eap-bench run --suite {suite.name}"
        )
    tasks = build_tasks(selection, suite, rows)
    wanted = [task for task in tasks if not methods or task.method.name in methods]
    measuring = MeasureSettings(info.protocol, info.metrics, world=info.world, seed=info.seed)
    files = RunFiles(out)
    records = _taken_over(run, out, {task.method.name for task in wanted})
    work = _Again(parts, run, out, suite, measuring, alter)
    with closing(make_executor("local", workers).map(work, wanted)) as outcomes:
        for done, outcome in enumerate(outcomes, 1):
            made = outcome.result or records_of(outcome.item, status="failed", reason=outcome.crash)
            records |= {record.key: record for record in made}
            progress(done, len(wanted))
    ordered = [records[task.method.name, track, task.clip.id] for task in tasks for track in task.tracks]
    files.journal_path.write_text("".join(record.model_dump_json() + "\n" for record in ordered), encoding="utf-8")
    table, series = parts.tabulate(tasks, ordered, out, measuring)
    files.write_tables(table, series)
    files.write_info(info)
    return out


def _suite_of(run: Path, name: str) -> tuple[Suite, tuple[Method, ...]]:
    """Suite and methods as the run had them (they may have been given as files)."""
    import json

    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))["config"]
        methods = tuple(Method.model_validate(item) for item in config["methods"])
        return Suite.model_validate(config["suite"]), methods
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{run / 'config.json'}: not the settings of a run of '{name}'", fix="run it again") from None


def _taken_over(run: Path, out: Path, altered: set[str]) -> dict[tuple[str, str, str], ClipRecord]:
    """Records of the rows that stay, with their media."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    kept = {record.key: record for record in RunFiles(run).read_journal() if record.method not in altered}
    for media in {record.media for record in kept.values() if record.media}:
        (out / media).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / media, out / media)
    return kept


@dataclass(frozen=True)
class ReEncode:
    """One more generation of the same encoder: what happens to a clip that is written and read again."""

    def __call__(self, task: Task, source: Path, target: Path) -> None:
        """Decode and encode."""
        from eap import media

        video = media.read_video(source)
        media.write_video(target, video.frames, fps=video.fps, audio=video.audio, rate=video.rate)

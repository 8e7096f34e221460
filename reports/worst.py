"""The clips to look at first: where EAP (or the run's first method) does worst, metric by metric."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from eap.constants import FPS
from eap.errors import EapError
from reports.differences import by_method
from reports.facts import MetricFacts, decimals, number
from reports.links import Links, player_link
from reports.player import worst_frames
from reports.series import Series
from reports.source import Run

METRICS = ("intensity_pcc", "saturation_index", "m_lmd", "lse_d", "psnr")
OVER_TIME = ("intensity_pcc", "saturation_index")
"""Those whose worst frame is where the intensity is furthest from the truth."""
PER_METRIC = 4


@dataclass(frozen=True)
class WorstClip:
    """One bad clip with its value, the video beside it, and a link into the player."""

    clip: str
    track: str
    value: str
    judged: str
    media: str | None
    poster: str | None
    link: str


@dataclass(frozen=True)
class WorstList:
    """The worst clips of one metric, worst first."""

    title: str
    method: str
    clips: tuple[WorstClip, ...]
    metric: str = ""
    method_name: str = ""


def worst(
    run: Run, facts: dict[str, MetricFacts], links: Links, page_dir: Path, series: Series | None = None
) -> tuple[WorstList, ...]:
    """Worst clips over all tracks for each metric that grades clips; posters are written beside the page.

    The player opens at the metric's worst frame where one is known; with `series`, where the intensity is furthest from
    the truth for metrics of the intensity.
    """
    method = run.main
    if not method:
        return ()
    lists = []
    for metric in (facts[m] for m in METRICS if m in facts and facts[m].ranked):
        values = [
            (metric.loss(value), clip, track, value)
            for track in run.tracks
            for clip, value in by_method(run, metric.name, track).get(method, {}).items()
        ]
        if not values:
            continue
        digits = decimals([v for *_, v in values])
        chosen = sorted(values, key=lambda item: (-item[0], item[1], item[2]))[:PER_METRIC]
        clips = tuple(
            _clip(run, links, page_dir, c, t, number(v, digits), _frame(run, series, metric.name, c, t))
            for _, c, t, v in chosen
        )
        lists.append(WorstList(f"{metric.title} {metric.arrow}".strip(), run.label(method), clips, metric.name, method))
    return tuple(lists)


def _frame(run: Run, series: Series | None, metric: str, clip: str, track: str) -> int | None:
    if metric in OVER_TIME:
        return worst_frames(series, run.main, track, clip)[0] if series else None
    return run.worst_at.get((metric, run.main, track), {}).get(clip)


def _clip(run: Run, links: Links, page_dir: Path, clip: str, track: str, value: str, frame: int | None) -> WorstClip:
    record = run.journal.get((run.main, track, clip))
    media = record.media if record else None
    return WorstClip(
        clip,
        track,
        value,
        (record.judged_emotion if record else None) or "",
        links.href(media),
        _poster(links.file(media), media, page_dir),
        player_link(clip, track, run.main, (frame + 0.5) / FPS if frame is not None else None),
    )


def _poster(video: Path | None, media: str | None, page_dir: Path) -> str | None:
    """A frame from the clip's middle, written once as `posters/<hash>.jpg`; None when the video cannot be read."""
    if video is None or media is None:
        return None
    from eap.media import probe, read_frames, write_image

    name = f"posters/{hashlib.sha256(media.encode()).hexdigest()[:16]}.jpg"
    try:
        count = probe(video).n_frames or 0
        seen = 0
        for chunk in read_frames(video, fps=None, chunk=16):
            if seen + len(chunk) > count // 2:
                (page_dir / "posters").mkdir(parents=True, exist_ok=True)
                write_image(page_dir / name, chunk[max(0, min(len(chunk) - 1, count // 2 - seen))])
                return name
            seen += len(chunk)
    except EapError:
        return None  # the player says what is wrong with the file when it is opened
    return None

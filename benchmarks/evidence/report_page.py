"""How heavy and how fast the report page is: 1,000 clips x 8 methods, size, first paint, sorting, the same bytes again.

Numbers of an invented run: what is measured is the page. Needs playwright and chromium (`make browser`). Times in the
browser depend on what else the machine does, so the load average is written beside them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.evidence.common import Figures, main
from eap.constants import EMOTIONS
from eap.errors import MeasureError

if TYPE_CHECKING:
    import pandas as pd

METHODS = (
    ("ground-truth", "ceiling", 1.0), ("eap", "proposed", 0.8), ("ant", "method", 0.3), ("rival-a", "method", 0.7),
    ("rival-b", "method", 0.6), ("no-neutralization", "ablation", 0.5), ("no-intensity", "ablation", 0.4),
    ("still-image", "floor", 0.1),
)  # fmt: skip
METRICS = (
    "psnr", "ssim", "csim", "m_lmd", "f_lmd", "lse_c", "lse_d", "emotion_accuracy", "intensity_pcc", "intensity_ccc",
    "saturation_index", "silent_lip",
)  # fmt: skip
BY_FRAME = ("psnr", "ssim", "m_lmd", "f_lmd", "lse_d")
"""Those with a worst frame."""
FRAMES = 75
IDENTITIES = 40
SORTS = 15
SORT = """(button) => {
  const begin = performance.now();
  button.click();
  document.body.getBoundingClientRect();  // layout is part of it
  return performance.now() - begin;
}"""


def invent(root: Path, clips: int, tracks: tuple[str, ...]) -> Path:
    """A run directory of invented numbers; returns it."""
    from metrics.rundir import ClipInfo, ClipRecord, MethodInfo, RunFiles, RunInfo

    root.mkdir(parents=True)
    rows = [
        ClipInfo(
            id=f"M{i % IDENTITIES:03d}_front_{EMOTIONS[i % 8]}_3_{i:04d}", identity=f"M{i % IDENTITIES:03d}",
            emotion=EMOTIONS[i % 8], level=3, sentence=f"{i:04d}", view="front",
        )
        for i in range(clips)
    ]  # fmt: skip
    methods = tuple(
        MethodInfo.model_validate({"name": n, "title": n.upper(), "kind": "model", "role": r}) for n, r, _ in METHODS
    )
    info = RunInfo(
        suite="invented", protocol="strict", world="embedded", methods=methods, tracks=tracks, metrics=METRICS,
        clips=tuple(rows), commit="0" * 40, finished="2026-01-01T00:00:00+00:00", command="none: invented numbers",
    )  # fmt: skip
    files = RunFiles(root)
    files.write_info(info)
    rng = np.random.default_rng(7)
    with open(files.journal_path, "w", encoding="utf-8") as journal:
        for track in tracks:
            for name, _, skill in METHODS:
                for i, clip in enumerate(rows):
                    right = rng.random() < skill
                    record = ClipRecord(
                        method=name, track=track, clip=clip.id, identity=clip.identity, emotion=clip.emotion, level=3,
                        status="ok", media=f"media/{name}/{track}/{clip.id}.mp4",
                        reference_emotion=EMOTIONS[(i + 3) % 8], judged_emotion=EMOTIONS[(i + (not right)) % 8],
                    )  # fmt: skip
                    journal.write(record.model_dump_json() + "\n")
    for table, frame in _tables(rows, tracks, rng).items():
        frame.to_parquet(root / f"{table}.parquet", index=False)
    return root


def _tables(rows: list[Any], tracks: tuple[str, ...], rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    import pandas as pd

    clip_rows, frame_rows, values, worst = [], [], [], []
    for track in tracks:
        for name, _, skill in METHODS:
            base = pd.DataFrame({
                "method": name, "track": track, "clip": [c.id for c in rows], "identity": [c.identity for c in rows],
                "emotion": [c.emotion for c in rows], "level": 3, "reason": "",
            })  # fmt: skip
            for metric in METRICS:
                numbers = (
                    (rng.random(len(rows)) < skill)
                    if metric == "emotion_accuracy"
                    else rng.normal(skill, 0.1, len(rows))
                )
                mine = base.assign(
                    metric=metric, signature=f"{metric}|protocol:strict|v1", value=np.asarray(numbers, float)
                )
                clip_rows.append(mine)
                mean, spread = float(mine["value"].mean()), float(mine["value"].std()) / np.sqrt(len(rows))
                values.append({
                    "metric": metric, "signature": f"{metric}|protocol:strict|v1", "method": name, "track": track,
                    "value": mean, "ci_low": mean - 2 * spread, "ci_high": mean + 2 * spread, "n_scored": len(rows),
                    "n_expected": len(rows), "unit": "", "higher_is_better": metric not in ("m_lmd", "f_lmd", "lse_d"),
                    "note": "", "target": np.nan,
                })  # fmt: skip
                if metric in BY_FRAME:
                    frame = rng.integers(0, FRAMES, len(rows))
                    worst.append(mine[["metric", "method", "track", "clip", "value"]].assign(frame=frame))
            frame_rows += _series(name, track, rows, skill, rng)
    frames = pd.concat(frame_rows, ignore_index=True)
    confusion = pd.DataFrame(
        [(n, t, e, e, len(rows) // 8) for t in tracks for n, *_ in METHODS for e in EMOTIONS],
        columns=["method", "track", "emotion", "judged", "count"],
    )
    return {
        "values": pd.DataFrame(values).astype({"higher_is_better": "boolean"}),
        "clip_values": pd.concat(clip_rows, ignore_index=True), "frames": frames, "confusion": confusion,
        "worst_frames": pd.concat(worst, ignore_index=True),
    }  # fmt: skip


def _series(name: str, track: str, rows: list[Any], skill: float, rng: np.random.Generator) -> list[pd.DataFrame]:
    import pandas as pd

    time_ = np.arange(FRAMES) / 25
    truth = 0.5 + 0.3 * np.sin(2 * time_[None] + np.arange(len(rows))[:, None])
    noise = rng.normal(0, 0.02, truth.shape)
    curves = {"intensity": 0.5 + skill * (truth - 0.5) + noise}
    angles = np.array([2 * np.pi * EMOTIONS.index(c.emotion) / 8 for c in rows])[:, None]
    for part, turn in (("valence", np.cos(angles)), ("arousal", np.sin(angles))):
        curves[part] = curves["intensity"] * turn
        if name == "ground-truth":
            curves[f"{part}_true"] = truth * turn
    if name == "ground-truth":
        curves["intensity_true"] = truth
    clips = np.repeat([c.id for c in rows], FRAMES)
    return [
        pd.DataFrame({
            "method": name, "track": track, "clip": clips, "frame": np.tile(np.arange(FRAMES), len(rows)),
            "series": series, "value": curve.ravel(),
        })
        for series, curve in curves.items()
    ]  # fmt: skip


def measure(args: argparse.Namespace) -> Figures:
    """Build the page twice, open it, sort its tables."""
    import reports

    chromium = shutil.which("chromium")
    if chromium is None:
        raise MeasureError("chromium is not installed", fix="run: make browser")
    tracks = ("neutral", "emotional")[: args.tracks]
    with tempfile.TemporaryDirectory() as folder:
        root = invent(Path(folder) / "run", args.clips, tracks)
        began, cpu = time.monotonic(), time.process_time()
        page = reports.build(root)
        wall, cpu = time.monotonic() - began, time.process_time() - cpu
        first = hashlib.sha256(page.read_bytes()).hexdigest()
        again = hashlib.sha256(reports.build(root).read_bytes()).hexdigest()
        figures: Figures = {
            "clips": args.clips, "methods": len(METHODS), "tracks": len(tracks), "metrics": len(METRICS),
            "html_bytes": page.stat().st_size, "build_seconds": wall, "build_cpu_seconds": cpu,
            "same_bytes_again": first == again, "load_average": os.getloadavg()[0],
        }  # fmt: skip
        return figures | _browse(page.as_uri(), chromium, args.loads)


def _browse(url: str, chromium: str, loads: int) -> Figures:
    """First contentful paint over several loads, and the time of a click on a column head with its layout."""
    from playwright.sync_api import sync_playwright

    paints: list[float] = []
    sorts: list[float] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"], timeout=300_000
        )
        for load in range(loads):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(300_000)
            page.goto(url)
            page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length > 0")
            text = page.evaluate("JSON.stringify(performance.getEntriesByName('first-contentful-paint')[0].startTime)")
            paints.append(float(json.loads(text)))
            if load == 0:
                page.wait_for_selector("#stage[data-ready]")
                buttons = page.locator("table.results button.sort:visible").all()[:SORTS]
                sorts = [float(button.evaluate(SORT)) for button in buttons]
            page.close()
        browser.close()
    return {
        "first_paint_ms": {"median": statistics.median(paints), "all": paints},
        "sort_ms": {"median": statistics.median(sorts), "max": max(sorts), "n": len(sorts)},
    }


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the script."""
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--tracks", type=int, default=2, choices=(1, 2))
    parser.add_argument("--loads", type=int, default=5, help="how often the page is opened")


if __name__ == "__main__":
    main("report_page", __doc__, measure, arguments)

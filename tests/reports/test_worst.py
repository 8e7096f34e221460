from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reports.facts import collect
from reports.links import Links
from reports.series import Series
from reports.source import Run
from reports.worst import worst


def test_worst_clips_are_the_worst(run: Run, run_dir: Path, tmp_path: Path) -> None:
    lists = worst(run, collect(run.values, run.info.metrics), Links(run_dir, tmp_path), tmp_path)
    titles = [found.title for found in lists]
    assert titles == ["Intensity PCC ↑", "Saturation → 1", "M-LMD ↓", "LSE-D ↓", "PSNR ↑"]
    values = run.clip_values
    eap = values[(values["method"] == "eap") & (values["metric"] == "psnr")].sort_values("value")
    assert [c.clip for c in lists[4].clips] == list(eap["clip"][:4])
    assert lists[4].clips[0].link.startswith("#clip=M20")


def test_a_poster_is_written_for_a_video_and_none_for_a_broken_one(run: Run, run_dir: Path, tmp_path: Path) -> None:
    first = run.clips[0].id
    only = replace(run, clip_values=run.clip_values[run.clip_values["clip"] == first])
    facts = collect(run.values, run.info.metrics)
    lists = worst(only, facts, Links(run_dir, tmp_path), tmp_path)
    poster = lists[0].clips[0].poster
    assert poster is not None
    content = (tmp_path / poster).read_bytes()
    assert content[:2] == b"\xff\xd8"
    worst(only, facts, Links(run_dir, tmp_path), tmp_path)
    assert (tmp_path / poster).read_bytes() == content

    class Broken(Links):
        def file(self, path: str | None) -> Path | None:
            return Path(__file__)

    assert worst(only, facts, Broken(run_dir, tmp_path), tmp_path)[0].clips[0].poster is None


def test_the_player_opens_at_the_frame_furthest_from_the_truth(run: Run, run_dir: Path, tmp_path: Path) -> None:
    series = Series(run)
    facts = collect(run.values, run.info.metrics)
    lists = {found.metric: found for found in worst(run, facts, Links(run_dir, tmp_path), tmp_path, series)}
    clip = lists["intensity_pcc"].clips[0]
    ours, truth = series.intensity("eap", clip.track, clip.clip), series.truth(clip.track, clip.clip)
    assert ours is not None
    assert truth is not None
    frame = int(np.argmax(np.abs(ours - truth)))
    assert clip.link.endswith(f"&t={(frame + 0.5) / 25:.2f}")
    psnr = lists["psnr"].clips[0]
    frame = run.worst_at["psnr", "eap", psnr.track][psnr.clip]
    assert psnr.link.endswith(f"&t={(frame + 0.5) / 25:.2f}")
    assert "&t=" not in lists["lse_d"].clips[0].link


def test_without_eap_the_first_method_is_judged(run: Run, run_dir: Path, tmp_path: Path) -> None:
    others = tuple(m for m in run.methods if m.name not in ("eap",))
    facts = collect(run.values, run.info.metrics)
    lists = worst(replace(run, methods=others), facts, Links(run_dir, tmp_path), tmp_path)
    assert {found.method for found in lists} == {"ANT (neutral talker)"}
    assert worst(replace(run, methods=()), facts, Links(run_dir, tmp_path), tmp_path) == ()


@pytest.mark.parametrize("metric", ["intensity_pcc"])
def test_unscored_metric_has_no_list(run: Run, run_dir: Path, tmp_path: Path, metric: str) -> None:
    without = replace(run, clip_values=run.clip_values[run.clip_values["metric"] != metric])
    lists = worst(without, collect(run.values, run.info.metrics), Links(run_dir, tmp_path), tmp_path)
    assert "Intensity PCC ↑" not in [found.title for found in lists]

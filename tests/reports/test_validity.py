from __future__ import annotations

import csv
import io
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import reports
from eap.errors import DataError
from metrics.registry import get_metric
from metrics.validity.damages import DAMAGES, get_damage
from metrics.validity.results import Cell, DamageInfo, MetricInfo, Validity, save_validity
from reports.figures import save_plot
from reports.measured import validity_of
from reports.source import load
from reports.validity import build_validity, cross_talk, heat_map, render_validity, verdicts
from tests.reports.fake_run import Recipe, write_run


def _cell(metric: str, damage: str, step: float, *, declared: bool = False, seen: float | None = None) -> Cell:
    grades = (0.0, *get_damage(damage).grades)
    changes = tuple(step * i for i in range(len(grades)))
    values = tuple(30 + change for change in changes)
    return Cell(
        metric=metric, damage=damage, declared=declared, tau=1.0 if step < 0 else -1.0, grades=grades, values=values,
        changes=changes, lows=tuple(c - 0.1 for c in changes), highs=tuple(c + 0.1 for c in changes), seen=seen,
        effect=-step, n=8,
    )  # fmt: skip


ALL = tuple(DamageInfo(name=d.name, title=d.title, unit=d.unit, kind=d.kind, grades=d.grades, words=d.words)
            for d in DAMAGES)  # fmt: skip


@pytest.fixture
def found() -> Validity:
    names = ("psnr", "ssim", "csim")
    chosen = [damage for damage in DAMAGES if damage.name in ("blur", "noise", "identity_swap")]
    specs = [get_metric(name).spec for name in names]
    return Validity(
        evaluators={"judge": "0" * 64}, clip_seconds=1.0, size=96, seed=0, identities=("M1", "W2"), clips=("c<1>",),
        damages=tuple(
            DamageInfo(name=d.name, title=d.title, unit=d.unit, kind=d.kind, grades=d.grades, words=d.words)
            for d in chosen
        ),
        metrics=tuple(
            MetricInfo(name=s.name, title=s.title, unit=s.unit, group=s.group, higher_is_better=s.higher_is_better,
                       target=s.target, sees=s.sees, signature=s.name)
            for s in specs
        ),
        cells=(
            _cell("psnr", "blur", -1.0, declared=True, seen=0.5), _cell("psnr", "noise", 1.0, declared=True, seen=2),
            _cell("ssim", "blur", -0.5, declared=True), _cell("csim", "identity_swap", -0.2, declared=True, seen=0.25),
            _cell("csim", "blur", -0.3, seen=1.0), _cell("csim", "noise", 0.1),
        ),
        untested=("lse_c: no audio stream",),
    )  # fmt: skip


def test_verdicts_put_failures_first_and_say_why(found: Validity) -> None:
    rows = {(row.metric, row.damage): row for row in verdicts(found)}
    assert [row.status for row in verdicts(found)] == ["fail", "fail", "pass", "pass"]
    assert rows["PSNR", "Noise"].mark == "✕ not monotone"
    assert rows["SSIM", "Blur"].mark == "✕ not seen"
    assert rows["PSNR", "Blur"].seen == "0.5 (px sigma), the weakest"
    assert rows["PSNR", "Blur"].course == "30.000 → 27.000 → 24.000"


def test_cross_talk_is_what_was_seen_but_not_declared(found: Validity) -> None:
    (only,) = cross_talk(found)
    assert only.sentence == "Blur spoils CSIM: 30.000 → 28.200"
    assert only.share == "30%"
    loud = [
        _cell("csim", "noise", -0.4, seen=2.0),  # another stranger of the same metric, louder
        _cell("ssim", "shake", -0.9, seen=0.5),  # a relative of the blur that SSIM declares
        _cell("csim", "frame_drop", -0.1, seen=0.5),
        _cell("psnr", "identity_swap", -0.35, seen=0.5),
    ]
    chosen = cross_talk(found.model_copy(update={"cells": (*found.cells, *loud), "damages": ALL}))
    assert [(talk.share, talk.sentence[:19]) for talk in chosen] == [
        ("40%", "Noise spoils CSIM: "), ("35%", "Another person spoi"),
    ]  # fmt: skip


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br", "path", "use", "rect", "line", "circle"):
            self.open.append(tag)
        self.outside += [v for k, v in attrs if k in ("src", "href") and v and not v.startswith(("#", "data:"))]

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass


def test_the_page_stands_alone_and_is_the_same_twice(found: Validity, tmp_path: Path) -> None:
    save_validity(tmp_path / "validity.json", found)
    page = build_validity(tmp_path)
    assert page == tmp_path / "index.html"
    text = page.read_text()
    tags = _Tags()
    tags.feed(text)
    assert tags.outside == []
    assert tags.open == []
    assert "2 of 4" in text
    assert "FEW PEOPLE" in text  # two
    assert "EMBEDDED WORLD" in text
    assert "lse_c: no audio stream" in text
    assert "var(--heat" in text  # drawn in the page's colours, light or dark
    assert text == render_validity(found)


def test_the_heat_map_is_saved_in_real_colours_with_its_numbers(found: Validity, tmp_path: Path) -> None:
    plot = heat_map(found)
    rows = list(csv.DictReader(io.StringIO(save_plot(plot, tmp_path / "v.csv").read_text())))
    assert len(rows) == len(found.cells) == 6
    assert (rows[0]["metric"], rows[0]["damage"], rows[0]["holds"], rows[0]["effect"]) == ("psnr", "blur", "1", "1")
    pixels = np.asarray(Image.open(save_plot(plot, tmp_path / "v.png")).convert("RGB"), np.int64)
    assert (pixels[..., 2] - pixels[..., 0] > 80).any()  # the blue of what a metric sees
    assert (pixels[..., 0] - pixels[..., 2] > 80).any()  # the orange of what it takes for an improvement


def test_a_runs_page_has_the_validation_beside_it(found: Validity, tmp_path: Path) -> None:
    root = write_run(tmp_path / "run", Recipe(identities=2, emotions=("happy",), frames=4))
    assert validity_of(load(root)) == (None, "")
    save_validity(tmp_path / "elsewhere" / "validity.json", found)
    beside, _ = validity_of(load(root), tmp_path / "elsewhere")
    assert beside is not None
    assert "other evaluators than this run (judge)" in beside.warning
    same = found.model_copy(update={"evaluators": {"emotion-judge": "a" * 64}})
    save_validity(root / "validity" / "validity.json", same)
    text = reports.build(root).read_text("utf-8")
    assert 'id="validity"' in text
    assert "2 of 4 damages that the metrics declare" in text
    assert "other evaluators" not in text
    (root / "validity" / "validity.json").write_text("{}")
    broken = reports.build(root).read_text("utf-8")
    assert "INCOMPLETE RUN" in broken
    assert 'id="validity"' not in broken
    with pytest.raises(DataError, match="nowhere"):
        validity_of(load(root), tmp_path / "nowhere")


def test_no_validation_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"validity\.json"):
        build_validity(tmp_path)

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from metrics.rundir import MethodInfo
from reports.plane import plane
from reports.plot_style import PALETTE, Plot, strokes
from reports.plots import plots
from reports.series import Series
from reports.source import Run


@pytest.fixture(scope="module")
def drawn(run: Run) -> tuple[Plot, ...]:
    return plots(run, Series(run), strokes(run.methods))


def test_all_figures_are_made(drawn: tuple[Plot, ...]) -> None:
    assert [p.key for p in drawn] == ["intensity", "saturation", "plane", "leakage", "confusion"]


def test_svg_is_wellformed_and_says_what_it_shows(drawn: tuple[Plot, ...]) -> None:
    for plot in drawn:
        root = ElementTree.fromstring(plot.svg)
        assert root.get("role") == "img"
        assert plot.title in (root.get("aria-label") or "")
        assert re.search(r"\d{4}-\d\d-\d\d|<metadata", plot.svg) is None  # no dates
        assert not re.search(r' d="[^"]*\.\d{3}', plot.svg)  # a hundredth of a point is finer than any printer


def test_colours_are_the_pages_variables(drawn: tuple[Plot, ...]) -> None:
    for plot in drawn:
        bare = re.sub(r"var\(--[a-z0-9]+, #[0-9a-f]{6}\)", "", plot.svg)
        assert not re.findall(r"#0[12]03[0-9a-f]{2}", bare)
        assert "var(--ink" in plot.svg
    assert "var(--m1, #0072b2)" in drawn[0].svg


def test_ids_are_unique_on_the_page_and_resolve(drawn: tuple[Plot, ...]) -> None:
    page = "".join(p.svg for p in drawn)
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", page)) <= set(ids)


def test_drawing_again_gives_the_same_bytes(run: Run, drawn: tuple[Plot, ...]) -> None:
    assert plots(run, Series(run), strokes(run.methods)) == drawn


def test_names_are_never_markup_nor_math(run: Run) -> None:
    odd = tuple(m.model_copy(update={"title": "<script>$\\frac{</script>&\x07"}) for m in run.methods)
    found = plots(replace(run, methods=odd), Series(run), strokes(odd))
    assert len(found) == 5
    for plot in found:
        ElementTree.fromstring(plot.svg)
        assert "<script" not in plot.svg
    assert "&lt;script&gt;$\\frac{" in found[0].svg


def test_nothing_recorded_nothing_drawn(run: Run) -> None:
    empty = replace(
        run, frames=run.frames.iloc[:0], clip_values=run.clip_values.iloc[:0], confusion=run.confusion.iloc[:0]
    )
    assert plots(empty, Series(empty), strokes(run.methods)) == ()


def test_confusion_counts_the_right_share(run: Run, drawn: tuple[Plot, ...]) -> None:
    table = run.confusion[(run.confusion["track"] == "emotional") & (run.confusion["method"] == "eap")]
    right = table[table["emotion"] == table["judged"]]["count"].sum() / table["count"].sum()
    assert f">{right:.0%} right<" in drawn[4].svg.replace("</tspan>", "<")


def test_every_method_has_a_stroke_of_its_own() -> None:
    methods = tuple(MethodInfo(name=f"m{i}", title="", kind="model") for i in range(20))
    found = strokes((MethodInfo(name="eap", title="EAP", kind="model"), *methods))
    assert found["eap"].index == 1
    assert len({(s.index, s.dash) for s in found.values()}) == 21
    assert all(1 <= s.index < len(PALETTE) for s in found.values())


def test_the_planes_titles_lie_inside_the_drawing_on_its_first_rendering(run: Run) -> None:
    flat = run.frames.copy()  # panels of little height: there the first layout put the titles outside
    flat.loc[flat["series"].str.startswith("arousal"), "value"] *= 0.3
    shown = ("ground-truth", "eap", "ant", "no-neutralization", "no-intensity")
    few = replace(run, methods=tuple(m for m in run.methods if m.name in shown), frames=flat)
    plot = plane(few, "neutral")
    assert plot is not None
    assert plot.figure is not None
    heights = [float(y) for y in re.findall(r'<text[^>]* y="(-?[\d.]+)"', plot.svg)]
    assert min(heights) > 6.5  # a title's baseline: its letters are 5.5 points high
    assert plot.svg.count(">valence</text>") == 3  # under every panel that has none below it

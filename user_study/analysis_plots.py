"""The figures of a study. Each is drawn twice: as SVG in the page's colours (light and dark), and as PNG on white."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from metrics.rundir import MethodInfo
from reports.plot_style import FAINT, HEAT, INK, PALETTE, Plot, Stroke, finish, new_figure, strokes, style
from user_study.analysis import Course, Duel, Outcome, Result
from user_study.analysis_tables import REFERENCE_WORDS, any_known, model_note, spoken
from user_study.statistics.crossed import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = 9.6
_SHORT = {"disgusted": "disgust", "surprised": "surprise"}
_LIGHT = {INK: "#1c2024", FAINT: "#b8bec6", HEAT: "#0072b2"} | {
    f"#0203{i:02x}": colour for i, colour in enumerate(PALETTE)
}


@dataclass(frozen=True)
class Drawing:
    """A figure in all its forms; `csv` holds the numbers that are drawn."""

    plot: Plot
    png: bytes
    csv: str


def drawings(result: Result) -> tuple[Drawing, ...]:
    """Every figure there is data for."""
    lines = strokes(tuple(MethodInfo(name=m, title=m, kind="method") for m in result.methods))
    found = []
    for o in result.outcomes:
        found.append(_means(result, o, lines))
        if o.gain is not None:
            found.append(_gains(result, o, lines))
        if o.confusion:
            found.append(_confusions(result, o))
    found += [_strengths(result, d, lines) for d in result.duels if not d.strengths.note]
    found += [_courses(result, c, lines) for c in result.courses if c.reference == "intensity_true"]
    return tuple(found)


def _forms(draw: Callable[[], Figure], key: str, title: str, caption: str, rows: Sequence[Sequence[Any]]) -> Drawing:
    with style(key):
        figure = draw()
        plot = finish(figure, key, title, caption)
        png = _png(figure)
    text = "\n".join(",".join(_field(v) for v in row) for row in rows) + "\n"
    return Drawing(plot, png, text)


def _png(figure: Figure) -> bytes:
    """The figure on white, in the light page's colours. The marker colours of the SVG are replaced in place."""
    from matplotlib.colors import to_hex

    figure.patch.set_alpha(1)
    figure.patch.set_facecolor("#ffffff")
    for artist in figure.findobj():
        for name in ("color", "edgecolor", "facecolor", "markeredgecolor", "markerfacecolor"):
            _recolour(artist, name, to_hex)
    for axis in figure.axes:
        axis.tick_params(colors=_LIGHT[INK], color=_LIGHT[FAINT])
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=160, metadata={"Software": None})
    return out.getvalue()


def _recolour(artist: Any, name: str, to_hex: Callable[[Any], str]) -> None:
    getter, setter = (getattr(artist, f"{verb}_{name}", None) for verb in ("get", "set"))
    if getter is None or setter is None:
        return
    value = getter()
    if isinstance(value, np.ndarray) and value.ndim == 2:
        if len(value) == 0:
            return
        alpha = float(value[0][3])
        value = value[0]
    else:
        alpha = float(artist.get_alpha() or 1.0) if hasattr(artist, "get_alpha") else 1.0
        if isinstance(value, tuple) and len(value) == 4:
            alpha = float(value[3])
    if value is None or (isinstance(value, str) and value in ("none", "auto")):
        return
    light = _LIGHT.get(to_hex(value))
    if light is not None:
        setter((*_rgb(light), alpha))


def _rgb(text: str) -> tuple[float, float, float]:
    return int(text[1:3], 16) / 255, int(text[3:5], 16) / 255, int(text[5:7], 16) / 255


def _field(value: Any) -> str:
    if isinstance(value, float):
        return "" if not math.isfinite(value) else repr(round(value, 6))
    text = str(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(c in text for c in ',"\n') else text


def _rows(named: Mapping[str, Estimate], scale: float = 1.0) -> list[list[Any]]:
    head = ["method", "value", "low", "high", "answers", "raters", "clips", "note"]
    return [
        head,
        *(
            [m, e.value * scale, e.low * scale, e.high * scale, e.n, e.raters, e.clips, e.note]
            for m, e in named.items()
        ),
    ]


def _whiskers(
    axis: Any, names: Sequence[str], found: Mapping[str, Estimate], lines: Mapping[str, Stroke], scale: float
) -> None:
    """One point with its interval per method, the first on top."""
    for y, name in enumerate(names):
        e, colour = found[name], lines[name].marker
        if not e.known:
            where = {"transform": axis.get_yaxis_transform(), "ha": "center", "va": "center"}
            axis.text(0.5, y, _cut(e.note, 44), fontsize=7.5, color=INK, **where)
            continue
        if e.bounded:
            axis.plot([e.low * scale, e.high * scale], [y, y], color=colour, linewidth=2.2, solid_capstyle="round")
        axis.plot([e.value * scale], [y], marker="o", markersize=6, color=colour, linestyle="none")
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.grid(axis="x", color=FAINT, linewidth=0.5, alpha=0.6)
    axis.set_axisbelow(True)


def _named(axis: Any, result: Result, names: Sequence[str]) -> None:
    axis.set_yticks(range(len(names)), [_cut(result.title(n)) for n in names])


def _cut(text: str, most: int = 30) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _where(text: str, track: str) -> str:
    return f"{text}, {track} reference image" if track else text


def _means(result: Result, o: Outcome, lines: Mapping[str, Stroke]) -> Drawing:
    emotion = o.kind == "emotion"
    scale = 100.0 if emotion else 1.0
    names = [m for m in result.methods if m in o.plain]
    heads = ("Answers that name the emotion", "Clips whose consensus does") if emotion else ("MOS", "After Annex E")
    shown = [o.plain, o.adjusted] if any_known(o.adjusted) else [o.plain]

    def draw() -> Figure:
        width = WIDE * (1.0 if len(shown) == 2 else 0.75)
        figure, axes = new_figure(width, 0.9 + 0.34 * len(names), 1, len(shown), sharey=True)
        for axis, found, head in zip(axes[0], shown, heads, strict=False):
            _whiskers(axis, names, found, lines, scale)
            axis.set_title(head, loc="left")
            axis.set_xlim((0, 100) if emotion else (1, o.points))
            axis.set_xlabel("%" if emotion else f"points, 1 to {o.points}")
            if emotion:
                axis.axvline(12.5, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
        _named(axes[0, 0], result, names)
        return figure

    rows = [["estimate", *_rows(o.plain)[0]]]
    for label, found in (("plain", o.plain), ("adjusted", o.adjusted)):
        rows += [[label, *row] for row in _rows(found, scale)[1:]]
    title = _where("Emotion accuracy" if emotion else spoken(o.question).capitalize(), o.track)
    return _forms(draw, f"means-{o.question}-{o.track}", title, _means_caption(o, both=len(shown) == 2), rows)


def _means_caption(o: Outcome, *, both: bool) -> str:
    if o.kind == "emotion":
        plain, model = (
            "share of answers that name the driving emotion, over crossed raters and clips",
            ("share of clips whose Dawid-Skene consensus does, over clips"),
        )
    else:
        plain, model = "mean opinion score", "mean quality after the rater model of P.910 Annex E"
    text = f"Left: {plain}; right: {model}." if both else f"{plain[0].upper()}{plain[1:]}."
    if not both and (note := model_note(o)):
        text += f" The estimate by the rater model is missing: {note}."
    return f"{text}{' Dashed: chance among eight.' if o.kind == 'emotion' else ''} Lines: 95 % intervals."


def _gains(result: Result, o: Outcome, lines: Mapping[str, Stroke]) -> Drawing:
    """The paper's headline as a figure: every method's gain over the lowest-ranked one."""
    from user_study.statistics.crossed import nothing

    assert o.gain is not None
    scale = 100.0 if o.kind == "emotion" else 1.0
    lowest = o.gain.lowest
    found = {p.first: p.difference for p in o.pairs if p.second == lowest}
    found |= {p.second: _turned(p.difference) for p in o.pairs if p.first == lowest}
    names = [m for m in result.methods if m in found]
    found = {m: found.get(m, nothing("no pair")) for m in names}

    def draw() -> Figure:
        figure, axes = new_figure(WIDE * 0.75, 0.9 + 0.34 * len(names))
        _whiskers(axes[0, 0], names, found, lines, scale)
        axes[0, 0].axvline(0, color=INK, linewidth=0.8)
        axes[0, 0].set_xlabel("percentage points" if o.kind == "emotion" else f"points on 1 to {o.points}")
        _named(axes[0, 0], result, names)
        return figure

    what = "emotion accuracy" if o.kind == "emotion" else spoken(o.question)
    title = _where(f"Gain in {what} over the lowest-ranked method", o.track)
    caption = (
        f"Difference to {result.title(lowest)}, the lowest-ranked of the competing methods; paired 95 % intervals."
    )
    return _forms(draw, f"gain-{o.question}-{o.track}", title, caption, _rows(found, scale))


def _turned(e: Estimate) -> Estimate:
    return Estimate(-e.value, -e.high, -e.low, e.se, e.df, e.n, e.raters, e.clips, e.note)


def _confusions(result: Result, o: Outcome) -> Drawing:
    names = [m for m in result.methods if m in o.confusion and o.confusion[m].counts.sum() > 0]
    columns = min(3, len(names))

    def draw() -> Figure:
        lines = math.ceil(len(names) / columns)
        figure, axes = new_figure(WIDE, 0.3 + 3.1 * lines, lines, columns)
        for axis, name in zip(axes.flat, names, strict=False):
            _matrix(axis, o, name, result.title(name))
        for axis in list(axes.flat)[len(names) :]:
            axis.set_visible(False)
        return figure

    rows: list[list[Any]] = [["method", "shown", "answered", "count"]]
    for name in names:
        table = o.confusion[name]
        rows += [
            [name, a, b, int(table.counts[i, j])] for i, a in enumerate(table.rows) for j, b in enumerate(table.columns)
        ]
    caption = "Share of the answers to each driving emotion (rows) that name each emotion (columns). Of used raters."
    return _forms(
        draw, f"confusion-{o.question}-{o.track}", _where("Which emotion is taken for which", o.track), caption, rows
    )


def _matrix(axis: Any, o: Outcome, name: str, title: str) -> None:
    from matplotlib.patches import Rectangle

    table = o.confusion[name]
    shares = np.nan_to_num(table.shares)
    height, width = shares.shape
    for y, x in np.argwhere(shares > 0):
        share = float(shares[y, x])
        axis.add_patch(Rectangle((x, y), 1, 1, facecolor=HEAT, alpha=round(0.08 + 0.6 * share, 3), linewidth=0))
        if share >= 0.095:
            text = f"{share:.1f}".removeprefix("0")
            axis.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=7.5, color=INK)
    for i in range(height):
        axis.add_patch(Rectangle((i, i), 1, 1, fill=False, edgecolor=FAINT, linewidth=0.8))
    axis.set(xlim=(0, width), ylim=(height, 0), aspect="equal")
    ticks = [_SHORT.get(n, n) for n in table.columns]
    axis.set_xticks(np.arange(width) + 0.5, ticks, rotation=45, ha="right", rotation_mode="anchor")
    axis.set_yticks(np.arange(height) + 0.5, [_SHORT.get(n, n) for n in table.rows])
    axis.set_title(f"{_cut(title)} ({o.plain[name].value:.0%} right)", loc="left")


def _strengths(result: Result, d: Duel, lines: Mapping[str, Stroke]) -> Drawing:
    found = dict(zip(d.methods, d.strengths.strength, strict=True))
    names = list(d.methods)

    def draw() -> Figure:
        figure, axes = new_figure(WIDE, 0.9 + 0.34 * len(names), 1, 2, sharey=True)
        _whiskers(axes[0, 0], names, d.plain, lines, 100.0)
        axes[0, 0].set_title("Comparisons won", loc="left")
        axes[0, 0].set(xlim=(0, 100), xlabel="%, ties count half")
        _whiskers(axes[0, 1], names, found, lines, 1.0)
        axes[0, 1].set_title("Bradley-Terry strength", loc="left")
        axes[0, 1].set_xlabel("log strength, mean 0")
        for axis, middle in zip(axes[0], (50, 0), strict=True):
            axis.axvline(middle, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
        _named(axes[0, 0], result, names)
        return figure

    rows = [["estimate", *_rows(found)[0]], *(["won", *r] for r in _rows(d.plain, 100.0)[1:])]
    rows += [["strength", *r] for r in _rows(found)[1:]]
    caption = "Which clip raters preferred. Lines: 95 % intervals over crossed raters and clips. Dashed: no preference."
    return _forms(draw, f"duel-{d.question}-{d.track}", _where(spoken(d.question).capitalize(), d.track), caption, rows)


def _courses(result: Result, c: Course, lines: Mapping[str, Stroke]) -> Drawing:
    found = {m.method: m for m in c.result.methods}
    names = [m for m in result.methods if m in found]

    def draw() -> Figure:
        figure, axes = new_figure(WIDE, 0.9 + 0.34 * len(names), 1, 2, sharey=True)
        for axis, kind in zip(axes[0], ("pcc", "ccc"), strict=True):
            singles = {m: found[m].single_pcc if kind == "pcc" else found[m].single_ccc for m in names}
            _whiskers(axis, names, singles, lines, 1.0)
            for y, m in enumerate(names):
                whole = found[m].panel_pcc if kind == "pcc" else found[m].panel_ccc
                if math.isfinite(whole):
                    axis.plot([whole], [y], marker="D", markersize=5, color=INK, fillstyle="none", linestyle="none")
            axis.set(xlim=(-1, 1))
            axis.set_title(kind.upper(), loc="left")
            axis.axvline(0, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
        _named(axes[0, 0], result, names)
        return figure

    rows: list[list[Any]] = [["method", "clip", "raters", "pcc", "pcc_low", "pcc_high", "ccc", "ccc_low", "ccc_high"]]
    rows += [
        [a.method, a.clip, a.raters, a.pcc.value, a.pcc.low, a.pcc.high, a.ccc.value, a.ccc.low, a.ccc.high]
        for a in c.result.clips
    ]
    lag = f"{c.result.lag:.2f} s" if math.isfinite(c.result.lag) else "unknown"
    caption = (
        f"Agreement of slider traces with the {REFERENCE_WORDS[c.reference]}, reaction time taken off (median {lag}). "
        "Dot and line: one rater's trace with its 95 % interval; diamond: mean of all raters."
    )
    title = _where("Intensity as it is felt, over time", c.track)
    return _forms(draw, f"trace-{c.question}-{c.track}", title, caption, rows)

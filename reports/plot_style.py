"""How every figure is drawn: SVG text that takes the page's colours, the same bytes on every render.

Figures are drawn with marker colours; in the finished SVG each becomes a CSS variable with a fallback, so one drawing
serves light and dark pages and still stands alone when saved.
"""

from __future__ import annotations

import base64
import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metrics.rundir import MethodInfo

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = 6.875
"""Width of a figure in inches: the text of a two-column paper (CVPR, ICCV), so that 8 pt are printed as 8 pt."""
INK, FAINT, HEAT, TRUTH = "#010203", "#010204", "#010205", "#010206"
_VARIABLES = {
    INK: ("--ink", "#1c2024"),
    FAINT: ("--faint", "#b8bec6"),
    HEAT: ("--heat", "#0072b2"),
    TRUTH: ("--ink", "#1c2024"),
}

# Okabe and Ito's palette: told apart by colour-blind readers. Index 0 is kept for the ground truth (the page's ink).
PALETTE = ("#1c2024", "#0072b2", "#d55e00", "#b88700", "#009e73", "#7d858f", "#cc79a7", "#3fa3d9")
_PREFERRED = {
    "ground-truth": 0, "eap": 1, "no-neutralization": 2, "no-intensity": 3, "ant": 4, "still-image": 5,
    "mismatched-audio": 6,
}  # fmt: skip
_PIXELS = re.compile(r'"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)"')
_PATHS = re.compile(r' (?:d|x|y)="[^"]*"')
_NOTHING = re.compile(r'<path d="[^"]*"(?: clip-path="[^"]*")? style="fill: none"/>| transform="rotate\(-?0 [^"]*\)"')
"""What draws nothing: paths without line and filling, turns by no angle."""
_LONG = re.compile(r"(\.\d\d)\d+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
DASHES = ("solid", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))


@dataclass(frozen=True)
class Stroke:
    """A method's colour index (CSS variable `--m<index>`) and dash index, the same in plots and player."""

    index: int
    dash: int

    @property
    def marker(self) -> str:
        """The marker colour that becomes the CSS variable."""
        return f"#0203{self.index:02x}"

    @property
    def style(self) -> Any:
        """matplotlib's line style."""
        return DASHES[self.dash % len(DASHES)]


def strokes(methods: tuple[MethodInfo, ...]) -> dict[str, Stroke]:
    """A stroke for each method: its usual colour, else the next free one; dashes once colours run out."""
    used = {_PREFERRED[m.name] for m in methods if m.name in _PREFERRED}
    free = [i for i in range(1, len(PALETTE)) if i not in used]
    found: dict[str, Stroke] = {}
    for method in methods:
        if method.name in _PREFERRED:
            found[method.name] = Stroke(_PREFERRED[method.name], 0)
        elif free:
            found[method.name] = Stroke(free.pop(0), 0)
        else:
            extra = len(found)
            found[method.name] = Stroke(1 + extra % (len(PALETTE) - 1), 1 + extra // (len(PALETTE) - 1) % 3)
    return found


@dataclass(frozen=True)
class Plot:
    """A finished figure: inline SVG, words around it, natural width in CSS pixels."""

    key: str
    title: str
    caption: str
    svg: str
    width: int
    csv: str = ""
    """The numbers behind the drawing."""
    figure: Figure | None = field(default=None, compare=False, repr=False)
    """The drawing itself, in marker colours (`paper_colours` gives it real ones)."""


@contextmanager
def style(key: str) -> Iterator[None]:
    """matplotlib's own defaults plus the page's settings, whatever the user's matplotlibrc says.

    Names are never parsed as math.
    """
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # Names may hold signs the measuring font lacks; the browser has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "svg.hashsalt": f"eap-bench {key}",
                "svg.fonttype": "none",
                "text.parse_math": False,
                "font.size": 8,
                "text.color": INK,
                "axes.edgecolor": FAINT,
                "legend.frameon": False,
                "legend.fontsize": 7.5,
            }
        )
        yield


def new_figure(width: float, height: float, rows: int = 1, columns: int = 1, **grid: Any) -> tuple[Figure, Any]:
    """A figure and its axes (2-d array) in the page's style, without pyplot's global state. Call inside `style`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **grid)
    for axis in axes.flat:
        tidy(axis)
    return figure, axes


def tidy(axis: Any) -> None:
    """Two thin spines, small labels, the page's ink."""
    axis.set_facecolor("none")
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)
        spine.set_linewidth(0.8)
    axis.tick_params(colors=INK, color=FAINT, labelsize=7.5, length=3, width=0.8)
    for text in (axis.xaxis.label, axis.yaxis.label):
        text.set(color=INK, fontsize=8)
    axis.title.set(color=INK, fontsize=8.5)


def legend(figure: Figure, axes: Sequence[Any], columns: int = 3) -> None:
    """One legend under the figure with every label of any of its axes (a method may be missing in the first one)."""
    known = [dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True)) for axis in axes]
    handles = {label: handle for labels in reversed(known) for label, handle in labels.items()}
    order = list(dict.fromkeys(label for labels in sorted(known, key=len, reverse=True) for label in labels))
    words = [short(n, 38) for n in order]
    # A letter of the legend is some 0.055 inch wide; beside each name stand a line and room.
    fit = int(figure.get_figwidth() / (0.5 + 0.055 * max(map(len, words), default=1)))
    figure.legend(
        [handles[n] for n in order], words, loc="outside lower center", ncols=max(1, min(columns, len(order), fit)),
        handlelength=2.2, columnspacing=1.4,
    )  # fmt: skip


def short(text: str, most: int) -> str:
    """A name cut to what a figure has room for; of several runs its end stays, for it tells them apart."""
    if len(text) <= most:
        return text
    end = " · " + text.rpartition(" · ")[2] if " · " in text else ""
    return text[: most - 1 - len(end)] + "…" + end if len(end) < most // 2 else text[: most - 1] + "…"


def heat(axis: Any, shares: Any, low: tuple[str, float] | None = None) -> None:
    """Fields coloured by their share (rows, columns), nan left empty: `HEAT` up to 1 and, below 0, another colour.

    One colour on each side whose strength is its opacity, so that the drawing takes a dark page as well. `low` is that
    other colour and the share at which it is full.
    """
    import numpy as np
    import seaborn as sns
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    full, least = to_rgb(HEAT), low[1] if low else 0.0
    stops = [(0.0, (*full, 0.0)), (1.0, (*full, 0.85))]
    if low:
        middle, other = -least / (1 - least), to_rgb(low[0])
        stops = [(0.0, (*other, 0.85)), (middle, (*other, 0.0)), (middle, (*full, 0.0)), (1.0, (*full, 0.85))]
    colours = LinearSegmentedColormap.from_list("heat", stops)
    sns.heatmap(shares, ax=axis, cmap=colours, vmin=least, vmax=1, cbar=False, mask=np.isnan(shares), linewidths=0)
    mesh = axis.collections[-1]
    # Fixed now: colours that are looked up when drawing could not become a page's variables or a paper's colours.
    mesh.update_scalarmappable()
    fixed = mesh.get_facecolor()
    mesh.set_array(None)
    mesh.set_facecolor(fixed)
    axis.tick_params(length=0)


def finish(figure: Figure, key: str, title: str, caption: str, csv: str = "") -> Plot:
    """The figure as a `Plot`: ids of its own, a text alternative, CSS variables for colours. Call inside `style`."""
    buffer = io.StringIO()
    figure.patch.set_alpha(0)
    if any(axis.get_aspect() != "auto" for axis in figure.axes):
        figure.draw_without_rendering()  # equal scales settle in a second drawing: titles were cut off in the first
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = _PIXELS.sub(_as_jpeg, _UNPRINTABLE.sub("", svg[svg.index("<svg") :]))
    for pattern in (r"<metadata>.*?</metadata>", r"<style type.*?</style>", r"font-family: [^;\"]*;? ?"):
        svg = re.sub(pattern, "", svg, flags=re.S)
    svg = re.sub(r"\s*\n\s*", " ", _own_ids(svg, key)).replace("> <", "><")
    # A hundredth of a point is finer than any screen or printer; six digits would make up most of the page.
    svg = _PATHS.sub(lambda found: _LONG.sub(r"\1", found.group()), _NOTHING.sub("", svg))
    for index, colour in enumerate(PALETTE):
        svg = svg.replace(f"#0203{index:02x}", f"var(--m{index}, {colour})")
    for marker, (variable, fallback) in _VARIABLES.items():
        svg = svg.replace(marker, f"var({variable}, {fallback})")
    head, rest = svg.split(">", 1)
    head = re.sub(r' (width|height)="[\d.]+pt"', "", head)
    svg = f'{head} role="img" font-family="sans-serif" aria-label="{_attribute(f"{title}. {caption}")}">{rest}'
    return Plot(key, title, caption, svg, round(figure.get_figwidth() * 96), csv, figure)


def _as_jpeg(match: re.Match[str]) -> str:
    """Pictures inside a figure as JPEG: a tenth of the bytes of PNG, and faces lose nothing that is seen."""
    from PIL import Image

    image = Image.open(io.BytesIO(base64.b64decode(match.group(1)))).convert("RGB")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return '"data:image/jpeg;base64,' + base64.b64encode(out.getvalue()).decode() + '"'


def paper_colours(figure: Figure) -> None:
    """Give every artist of a figure the light colours of the page instead of its marker colours, for print."""
    from matplotlib.colors import to_hex, to_rgba, to_rgba_array

    real = {f"#0203{i:02x}": colour for i, colour in enumerate(PALETTE)}
    real |= {marker: fallback for marker, (_, fallback) in _VARIABLES.items()}

    def mapped(colour: Any) -> Any:
        rgba = to_rgba(colour)
        return to_rgba(real.get(to_hex(rgba), rgba[:3]), rgba[3])

    for artist in figure.findobj():
        for name in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            get, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
            if get is None or put is None:
                continue
            value = get()
            if value is None or (isinstance(value, str) and value in ("none", "auto")):
                continue
            many = hasattr(value, "ndim") and value.ndim == 2
            put([mapped(c) for c in to_rgba_array(value)] if many else mapped(value))


def _own_ids(svg: str, key: str) -> str:
    """Keep only ids that are referred to, and make them unique on the page."""
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))

    def renamed(match: re.Match[str]) -> str:
        return f' id="{key}-{match.group(1)}"' if match.group(1) in used else ""

    svg = re.sub(r' id="([^"]+)"', renamed, svg)
    return re.sub(r'(url\(#|href="#)([^)"]+)', rf"\g<1>{key}-\g<2>", svg)


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")

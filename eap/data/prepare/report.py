"""The page of a preparation: what was not used and why, with small pictures; and a sheet of the crops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from eap import media
from eap.constants import FPS
from eap.data.clip import Clip
from eap.data.prepare import plan
from eap.data.prepare.dataset import Preparation, open_prepared
from eap.data.prepare.thumbs import SIDE, thumb_file
from eap.files import atomic_write

PAGE, SHEET = "index.html", "crops.jpg"
_COLUMNS: Final = 12
_ROWS: Final = 8
_LISTED: Final = 5000
"""Rejected files with a row of their own; of more, the page says how many there are, and result.json names them."""

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: middle; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.path { font-family: ui-monospace, monospace; font-size: .85em; overflow-wrap: anywhere; }
td img { display: block; height: 64px; }
td.none { color: GrayText; font-size: .85em; }
img.sheet { max-width: 100%; height: auto; border: 1px solid var(--line); }
.facts { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; padding: .8rem 1rem; background: var(--soft); }
.facts b { display: block; font-size: 1.35em; font-variant-numeric: tabular-nums; }
.warning { border-left: 4px solid #c60; padding: .5rem 1rem; background: var(--soft); }
"""


def write_report(preparation: Preparation, record: dict[str, Any]) -> Path:
    """Write `report/index.html` and the sheet of crops; returns the page. The same preparation gives the same bytes."""
    folder = preparation.out / plan.REPORT
    folder.mkdir(parents=True, exist_ok=True)
    shown = write_sheet(preparation.out, folder / SHEET)
    page = folder / PAGE
    with atomic_write(page, "w") as stream:
        stream.write(_page(preparation, record, shown))
    return page


def write_sheet(out: Path, path: Path) -> int:
    """The middle frame of up to 96 prepared clips, drawn evenly from all, as one JPEG; returns how many it shows."""
    import cv2

    clips = open_prepared(out).clips
    if not clips:
        path.unlink(missing_ok=True)
        return 0
    count = min(len(clips), _COLUMNS * _ROWS)
    chosen = [clips[k * len(clips) // count] for k in range(count)]
    columns = min(_COLUMNS, count)
    sheet = np.full((-(-count // columns) * SIDE, columns * SIDE, 3), 128, np.uint8)
    for place, clip in enumerate(chosen):
        top, left = place // columns * SIDE, place % columns * SIDE
        small = cv2.resize(_middle(clip), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        sheet[top : top + SIDE, left : left + SIDE] = small
    media.write_image(path, sheet)
    return count


def _middle(clip: Clip) -> NDArray[np.uint8]:
    frames = np.concatenate(list(media.read_frames(clip.video, fps=None)))
    return np.asarray(frames[len(frames) // 2], np.uint8)


def _page(preparation: Preparation, record: dict[str, Any], shown: int) -> str:
    manifest = preparation.manifest
    unusable = [item for item in manifest.rejected if not item.expected]
    left_out = [item for item in manifest.rejected if item.expected]
    looks, found = (sum(getattr(source, name) for source in preparation.sources) for name in ("looks", "found"))
    facts = (
        ("prepared clips", f"{len(manifest):,}"),
        ("from source clips", f"{sum(bool(source.pieces) for source in preparation.sources):,}"),
        ("identities", f"{len(manifest.identities):,}"),
        ("hours at 25 fps", f"{preparation.frames / FPS / 3600:.2f}"),
        ("files not usable", f"{len(unusable):,}"),
        ("left out by rule", f"{len(left_out):,}"),
        ("looks that found a face", f"{found:,} of {looks:,}"),
    )
    settings = record["settings"]
    told = (
        f"{record['layout']} dataset {record['source']}. Crops of {settings['size']} px ({settings['crop']}), faces by "
        f"{record['finder']} in every {_nth(settings['every'])} frame, labels by {record['labels']}."
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Preparation of {escape(Path(record['source']).name)}</title><style>{_STYLE}</style>",
        f"<h1>Preparation of {escape(Path(record['source']).name)}</h1><p>{escape(told)}</p>",
        _warning(record),
        "<div class=facts>" + "".join(f"<span><b>{value}</b>{name}</span>" for name, value in facts) + "</div>",
    ]
    if unusable:
        parts.append(_reasons([item.reason for item in unusable]))
        parts.append(_table(preparation, unusable))
    else:
        parts.append("<p>Every file could be used.</p>")
    if left_out:
        parts.append(f"<h2>Left out by the layout's own rules</h2>{_table(preparation, left_out)}")
    if shown:
        what = "all clips" if shown == len(manifest) else f"{shown} of {len(manifest):,} clips, drawn evenly"
        parts.append(
            f"<h2>Crops</h2><p>The middle frame of {what}.</p><img class=sheet src={SHEET} alt='Sheet of crops'>"
        )
    return "\n".join(part for part in parts if part) + "\n"


def _nth(every: int) -> str:
    return "single" if every == 1 else f"{every}th" if every > 3 else ("2nd", "3rd")[every - 2]


def _warning(record: dict[str, Any]) -> str:
    if not record["labels_embedded_only"]:
        return ""
    return (
        "<p class=warning>Landmarks, valence, arousal and emotion were read by a network that knows only the embedded "
        "world. On real faces they mean little: prepare with <code>--labels official</code> or "
        "<code>--labels mediapipe</code>.</p>"
    )


def _reasons(reasons: Sequence[str]) -> str:
    """How often each kind of reason came; numbers in it are not told apart."""
    kinds = Counter(
        "".join("#" if digit else "".join(run) for digit, run in groupby(text, _in_number)) for text in reasons
    )
    rows = "".join(
        f"<tr><td class=n>{count}</td><td>{escape(kind)}</td></tr>"
        for kind, count in sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    )
    return f"<h2>Why files were not used</h2><table><tr><th>Files</th><th>Reason</th></tr>{rows}</table>"


def _in_number(letter: str) -> bool:
    return letter.isdigit()


def _table(preparation: Preparation, items: Sequence[Any]) -> str:
    clips = {source.clip: source for source in preparation.sources if source.reason}
    by_path = {path: clip for clip, path in preparation.rejected_paths.items()}
    rows = []
    for item in items[:_LISTED]:
        clip = by_path.get(item.path.as_posix())
        picture = "<td class=none>no picture</td>"
        if clip is not None and clips[clip].thumbs:
            name = quote(thumb_file(Path("thumbs"), clip).as_posix())
            picture = f"<td><img src='{name}' loading=lazy alt='frames of {escape(clip, quote=True)}'></td>"
        rows.append(
            f"<tr>{picture}<td class=path>{escape(item.path.as_posix())}</td><td>{escape(item.reason)}</td></tr>"
        )
    more = f"<p>{len(items) - _LISTED:,} more: see result.json.</p>" if len(items) > _LISTED else ""
    return f"<table><tr><th>Picture</th><th>File</th><th>Reason</th></tr>{''.join(rows)}</table>{more}"

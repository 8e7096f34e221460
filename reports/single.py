"""A page with its media inside: one file to send, under a limit, for browsers open large ones slowly.

Media are kept as text that the page turns into blobs when they are first looked at; data addresses of that size make
browsers slow, and Safari refuses videos in them.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from eap.errors import DataError

DEFAULT_CAP_MB = 50
_TYPES = {".mp4": "video/mp4", ".png": "image/png", ".jpg": "image/jpeg"}
_POSTER = re.compile(r'poster="(posters/[0-9a-f]+\.jpg)"')


def embed(html: str, page_dir: Path, roots: Sequence[Path], cap_mb: int = DEFAULT_CAP_MB) -> str:
    """The page with every file it may show inside it. Raises DataError when they weigh more than `cap_mb` megabytes.

    Files are those under `media/` of the runs; the page asks for them by the same links as before.
    """
    found: dict[str, Path] = {}
    for root in roots:
        base = quote(Path(os.path.relpath(root.resolve(), page_dir.resolve())).as_posix())
        media = root / "media"
        files = sorted(p for p in media.rglob("*") if p.is_file() and not p.is_symlink()) if media.is_dir() else []
        found |= {unquote(base) + "/" + p.relative_to(root).as_posix(): p for p in files if p.suffix in _TYPES}
    found |= {name: page_dir / name for name in sorted(set(_POSTER.findall(html)))}
    total = sum(p.stat().st_size for p in found.values()) * 4 // 3
    if total > cap_mb * 1_000_000:
        raise DataError(
            f"{page_dir}: with its {len(found)} media files the page would weigh {total / 1e6:.0f} MB, over {cap_mb}",
            fix="send the run directory instead of --single-file, or raise --cap-mb",
        )
    packed = {name: [_TYPES[p.suffix], base64.b64encode(p.read_bytes()).decode("ascii")] for name, p in found.items()}
    text = json.dumps(packed, separators=(",", ":")).replace("<", "\\u003c")
    script = f'<script type="application/json" id="media-data">{text}</script>\n'
    # Before the page's own data, so that its scripts find it. A poster is fetched at once, so it must wait for them.
    mark = '<script type="application/json" id="source-data">'
    return html.replace('poster="posters/', 'data-poster="posters/').replace(mark, script + mark, 1)

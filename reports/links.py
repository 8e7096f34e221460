"""Links from the page to files of the run: relative, inside the run directory, percent-encoded, or none at all."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from urllib.parse import quote, urlencode


class Links:
    """Turns paths of the journal into links that work from where the page lies."""

    def __init__(self, run_root: Path, page_dir: Path) -> None:
        self._root = run_root.resolve()
        self.base = quote(Path(os.path.relpath(self._root, page_dir.resolve())).as_posix())
        """Link from the page to the run directory."""

    def file(self, path: str | None) -> Path | None:
        """The file a journal path names, or None when it is absent or lies outside the run directory."""
        if not path or "\\" in path or "\0" in path:
            return None
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts:
            return None
        try:
            found = (self._root / parts).resolve()
            inside = found.is_relative_to(self._root) and found.is_file()
        except OSError:  # a name the file system refuses
            return None
        return found if inside else None

    def href(self, path: str | None) -> str | None:
        """Link to a journal path, or None under the same rules as `file`."""
        if path is None or self.file(path) is None:
            return None
        return f"{self.base}/{quote(str(PurePosixPath(path)))}"


def player_link(clip: str, track: str, method: str, seconds: float | None = None) -> str:
    """The fragment that opens the player on one clip, track and audible method, at a time if there is one."""
    at = {} if seconds is None else {"t": f"{seconds:.2f}"}
    return "#" + urlencode({"clip": clip, "track": track, "sound": method, **at}, quote_via=quote)

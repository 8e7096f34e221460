"""`reports.build`: a run directory in, one page out."""

from __future__ import annotations

from pathlib import Path

from eap.errors import DataError
from eap.files import atomic_write
from reports.page import Progress, render
from reports.source import load


def build(run_dir: Path | str, out: Path | str | None = None, *, progress: Progress | None = None) -> Path:
    """Write the report of a run and return the path of its `index.html`.

    `out` is a folder (default `<run>/report`) or a file ending in `.html`. The page opens from disk; it links to the
    run's `media/` by relative paths, so page and run directory move together. `progress` is called with the name of
    each stage. A run that was cut short, or in which everything failed, still gives a page that says so. Raises
    DataError when `run_dir` holds no readable `run.json` or the page cannot be written.
    """
    root = Path(run_dir)
    target = root / "report" if out is None else Path(out)
    page = target if target.suffix == ".html" else target / "index.html"
    run = load(root)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        html = render(run, page.parent, progress)
        with atomic_write(page, "w") as stream:
            stream.write(html)
    except OSError as error:
        fix = "give a folder that can be written, with space on its disk"
        raise DataError(f"{page}: cannot write the report ({error.strerror or error})", fix=fix) from error
    return page

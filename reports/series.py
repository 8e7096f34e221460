"""Numbers over time: the frame table as arrays, and the clips most worth looking at."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.source import Run

Floats = npt.NDArray[np.float64]
TRUE_SERIES = "intensity_true"


class Series:
    """Arrays per (method, track, clip) of one named series; frames that were not measured are nan."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @cached_property
    def _arrays(self) -> dict[str, dict[tuple[str, str, str], Floats]]:
        frames = self._run.frames
        found: dict[str, dict[tuple[str, str, str], Floats]] = {}
        keep = frames[frames["series"].isin(["intensity", TRUE_SERIES])]
        keys = ["series", "method", "track", "clip"]
        for (series, method, track, clip), part in keep.groupby(keys, sort=False, observed=True):
            index = part["frame"].to_numpy(np.int64)
            values = np.full(int(index.max()) + 1, np.nan)
            values[index] = pd.to_numeric(part["value"], errors="coerce").to_numpy(np.float64)
            found.setdefault(str(series), {})[(str(method), str(track), str(clip))] = values
        return found

    @cached_property
    def _truths(self) -> dict[tuple[str, str], Floats]:
        truths = {(track, clip): v for (_, track, clip), v in self._arrays.get(TRUE_SERIES, {}).items()}
        if not truths:  # data without exact truth: what the judge reads from the true video
            truths = {
                (t, c): v
                for (m, t, c), v in self._arrays.get("intensity", {}).items()
                if self._run.role(m) == "ceiling"
            }
        return truths

    @property
    def exact(self) -> bool:
        """Whether the truth is the world's own, and not a judge's reading of the true video."""
        return bool(self._arrays.get(TRUE_SERIES))

    def intensity(self, method: str, track: str, clip: str) -> Floats | None:
        """Judged intensity (T,) of one generated clip."""
        return self._arrays.get("intensity", {}).get((method, track, clip))

    def truth(self, track: str, clip: str) -> Floats | None:
        """True intensity (T,) of a clip."""
        found = self._truths.get((track, clip))
        return found if found is not None else next((v for (_, c), v in self._truths.items() if c == clip), None)

    def telling_clips(self, track: str, count: int) -> list[str]:
        """Clips whose true intensity moves most, at most one per emotion, in the order of that movement."""
        emotions = {c.id: c.emotion or "" for c in self._run.clips}
        moves = [
            (-round(float(np.nanstd(values)), 9), clip)
            for (where, clip), values in self._truths.items()
            if where == track and np.isfinite(values).any()
        ]
        chosen: dict[str, str] = {}
        for _, clip in sorted(moves):
            chosen.setdefault(emotions.get(clip) or clip, clip)
        return list(chosen.values())[:count]

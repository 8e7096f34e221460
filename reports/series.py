"""Numbers over time: the frame table as arrays, and the clips most worth looking at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from reports.source import Run

Floats = npt.NDArray[np.float64]
TRUE_SERIES = "intensity_true"
SHOWN = ("intensity", "valence", "arousal")


class Series:
    """Arrays per (method, track, clip) of one named series; frames that were not measured are nan."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @cached_property
    def _arrays(self) -> dict[str, dict[tuple[str, str, str], Floats]]:
        frames = self._run.frames
        found: dict[str, dict[tuple[str, str, str], Floats]] = {}
        keep = frames[frames["series"].isin([*SHOWN, *(f"{name}_true" for name in SHOWN)])]
        if keep.empty:
            return found
        names = ["series", "method", "track", "clip"]
        # A series is written frame after frame: where a name changes, the next one begins. Far quicker than grouping.
        codes = np.stack([pd.factorize(keep[name])[0] for name in names], axis=1)
        starts = np.flatnonzero(np.r_[True, (codes[1:] != codes[:-1]).any(axis=1)])
        index = keep["frame"].to_numpy(np.int64)
        values = pd.to_numeric(keep["value"], errors="coerce").to_numpy(np.float64)
        keys = keep[names].iloc[starts].astype(str).itertuples(index=False)
        for (series, method, track, clip), start, end in zip(keys, starts, [*starts[1:], len(keep)], strict=True):
            where = found.setdefault(series, {})
            place = index[start:end]
            old = where.get((method, track, clip))
            array = np.full(max(int(place.max()) + 1, 0 if old is None else len(old)), np.nan)
            if old is not None:
                array[: len(old)] = old
            array[place] = values[start:end]
            where[method, track, clip] = array
        return found

    def clip_means(self, names: Sequence[str], track: str) -> pd.DataFrame:
        """Mean of each named series over the frames of a clip: rows by (method, clip), one column a series."""
        frames = self._run.frames
        keep = frames[frames["series"].isin(list(names)) & (frames["track"] == track)]
        keep = keep.assign(value=pd.to_numeric(keep["value"], errors="coerce").astype("float64"))
        means = keep.groupby(["method", "clip", "series"], observed=True)["value"].mean()
        return means.unstack("series").reindex(columns=list(names))

    @cached_property
    def _truths(self) -> dict[str, dict[tuple[str, str], Floats]]:
        found: dict[str, dict[tuple[str, str], Floats]] = {}
        for name in SHOWN:
            truths = {(track, clip): v for (_, track, clip), v in self._arrays.get(f"{name}_true", {}).items()}
            if not truths:  # data without exact truth: what the judge reads from the true video
                truths = {
                    (t, c): v for (m, t, c), v in self._arrays.get(name, {}).items() if self._run.role(m) == "ceiling"
                }
            found[name] = truths
        return found

    @cached_property
    def _any_track(self) -> dict[str, dict[str, Floats]]:
        """Series -> clip -> truth, for tracks of which none was recorded."""
        return {name: {clip: v for (_, clip), v in reversed(truths.items())} for name, truths in self._truths.items()}

    @property
    def exact(self) -> bool:
        """Whether the truth is the world's own, and not a judge's reading of the true video."""
        return bool(self._arrays.get(TRUE_SERIES))

    def array(self, name: str, method: str, track: str, clip: str) -> Floats | None:
        """One of `SHOWN` (T,) as judged on one generated clip."""
        return self._arrays.get(name, {}).get((method, track, clip))

    def intensity(self, method: str, track: str, clip: str) -> Floats | None:
        """Judged intensity (T,) of one generated clip."""
        return self.array("intensity", method, track, clip)

    def truth(self, track: str, clip: str, name: str = "intensity") -> Floats | None:
        """One of `SHOWN` (T,) as it truly is."""
        found = self._truths[name].get((track, clip))
        return found if found is not None else self._any_track[name].get(clip)

    def telling_clips(self, track: str, count: int) -> list[str]:
        """Clips whose true intensity moves most, at most one per emotion, in the order of that movement."""
        emotions = {c.id: c.emotion or "" for c in self._run.clips}
        moves = [
            (-round(float(np.nanstd(values)), 9), clip)
            for (where, clip), values in self._truths["intensity"].items()
            if where == track and np.isfinite(values).any()
        ]
        chosen: dict[str, str] = {}
        for _, clip in sorted(moves):
            chosen.setdefault(emotions.get(clip) or clip, clip)
        return list(chosen.values())[:count]

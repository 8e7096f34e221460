"""Which emotion is taken for which: counts and shares of answers by driving emotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from user_study.statistics.crossed import Array, Codes


@dataclass(frozen=True)
class Confusion:
    """`counts` (K, L): answers l to clips driven by emotion k; rows and columns by name."""

    counts: Array
    rows: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def shares(self) -> Array:
        """(K, L) shares of each row; nan where nothing was answered."""
        total = self.counts.sum(axis=1, keepdims=True)
        return np.asarray(self.counts / np.where(total > 0, total, np.nan), np.float64)

    @property
    def balanced_accuracy(self) -> float:
        """Mean share of right answers over the emotions that were shown; nan for none."""
        shares = self.shares
        right = [shares[i, self.columns.index(name)] for i, name in enumerate(self.rows) if name in self.columns]
        right = [value for value in right if np.isfinite(value)]
        return float(np.mean(right)) if right else float("nan")

    def worst(self, count: int = 3) -> list[tuple[str, str, float]]:
        """The commonest mistakes: (shown, answered, share), largest first."""
        found = [
            (row, column, float(self.shares[i, j]))
            for i, row in enumerate(self.rows)
            for j, column in enumerate(self.columns)
            if row != column and self.counts[i, j] > 0
        ]
        return sorted(found, key=lambda item: (-item[2], item[0], item[1]))[:count]


def confusion(shown: Codes, answered: Codes, rows: Sequence[str], columns: Sequence[str]) -> Confusion:
    """Count (N,) shown and answered codes. Raises ValueError for codes outside the names."""
    if len(shown) != len(answered):
        raise ValueError("shown and answered must be equally long")
    if len(shown) and not (shown.min() >= 0 and shown.max() < len(rows) and answered.max() < len(columns)):
        raise ValueError("a code has no name")
    flat = np.bincount(shown * len(columns) + answered, minlength=len(rows) * len(columns))
    return Confusion(flat.reshape(len(rows), len(columns)).astype(np.float64), tuple(rows), tuple(columns))

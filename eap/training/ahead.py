"""Batches drawn ahead by threads, while the device computes. The same batches: each depends on its step alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from eap.training.batches import Batch

Draw = Callable[[int, int], Batch]


class Ahead:
    """``draw(step, micro)`` of batches that are mostly there already. With ``depth`` 0 it draws when asked."""

    def __init__(self, draw: Draw, mine: Sequence[int], steps: int, depth: int) -> None:
        """``mine``: the micro-batches of this process; nothing is drawn past ``steps``."""
        self._draw, self._mine, self._steps, self._depth = draw, mine, steps, depth
        self._pool = ThreadPoolExecutor(min(depth, 8), thread_name_prefix="batches") if depth else None
        self._waiting: dict[tuple[int, int], Future[Batch]] = {}

    def draw(self, step: int, micro: int) -> Batch:
        """Micro-batch ``micro`` of ``step``. An error met while drawing ahead is raised here, at its step."""
        if self._pool is None:
            return self._draw(step, micro)
        for key in self._next(step, micro):
            if key not in self._waiting:
                self._waiting[key] = self._pool.submit(self._draw, *key)
        return self._waiting.pop((step, micro)).result()

    def close(self) -> None:
        """Stop the threads; what they drew is dropped."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _next(self, step: int, micro: int) -> list[tuple[int, int]]:
        """This micro-batch, which is drawn in any case, and the ``depth`` that follow it."""
        place = self._mine.index(micro)
        keys = []
        for offset in range(place, place + self._depth + 1):
            later, which = divmod(offset, len(self._mine))
            if step + later < self._steps or offset == place:
                keys.append((step + later, self._mine[which]))
        return keys

"""A lazy ordered map over processes, for rendering many clips."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Order = TypeVar("Order")
Made = TypeVar("Made")

Progress = Callable[[int, int], None]
"""Called with (clips done, clips in all) after every clip."""


def ordered_map(job: Callable[[Order], Made], orders: Sequence[Order], workers: int) -> Iterator[Made]:
    """Results of ``job`` in the order of ``orders``, made by ``workers`` processes (in this one for 1).

    An error of a job is raised here, after which the other processes are stopped.
    """
    if workers <= 1 or len(orders) <= 1:
        yield from map(job, orders)
        return
    # fork shares what is already built and needs no __main__ guard in the caller; elsewhere the platform's own way
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    with context.Pool(min(workers, len(orders))) as pool:
        yield from pool.imap(job, orders, chunksize=2)

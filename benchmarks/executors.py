"""Where tasks are worked on: in this process, or in a pool of processes on this machine.

An executor maps a picklable function over items and yields ``Outcome``s in the order they finish. A worker that dies
(killed for memory, say) costs the clip it held, never the run.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Generic, Protocol, TypeVar

from eap.errors import ConfigError

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome(Generic[Item, Result]):
    """What became of one item: a result, or the reason why its worker died."""

    item: Item
    result: Result | None
    crash: str = ""


class Executor(Protocol):
    """The engine a run is given to. Errors raised by ``function`` itself propagate and end the run."""

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[Outcome[Item, Result], None, None]:
        """Apply ``function`` to every item; outcomes come as they finish."""
        ...


class SerialExecutor:
    """One item after another, in this process."""

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[Outcome[Item, Result], None, None]:
        """Apply ``function`` to every item in order."""
        for item in items:
            yield Outcome(item, function(item))


@dataclass(frozen=True)
class LocalExecutor:
    """A pool of ``workers`` processes, each with one thread for numerical libraries."""

    workers: int

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[Outcome[Item, Result], None, None]:
        """Apply ``function`` in the pool; items held by a pool that broke are retried alone, once."""
        position = 0
        while position < len(items):
            suspects: list[Item] = []
            pool = _Pool(self.workers)
            try:
                yield from pool.run(function, items[position:], suspects)
            finally:
                pool.close()
            position += pool.submitted
            for item in suspects:
                yield from _alone(function, item)


class _Pool:
    """One process pool with a short queue, so that few items are lost when it breaks or the run is stopped."""

    def __init__(self, workers: int) -> None:
        self.submitted = 0
        self._queue = workers + 1
        with _for_children():
            self._pool = ProcessPoolExecutor(
                workers, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare_worker
            )

    def run(
        self, function: Callable[[Item], Result], items: Sequence[Item], suspects: list[Item]
    ) -> Generator[Outcome[Item, Result], None, None]:
        """Yield outcomes until the items end or the pool breaks; then ``suspects`` holds the unfinished ones."""
        flying: dict[Future[Result], Item] = {}
        broken = False
        while flying or (self.submitted < len(items) and not broken):
            while not broken and self.submitted < len(items) and len(flying) < self._queue:
                try:
                    with _for_children():
                        flying[self._pool.submit(function, items[self.submitted])] = items[self.submitted]
                    self.submitted += 1
                except BrokenProcessPool:
                    broken = True
            if not flying:
                break
            done, _ = wait(flying, return_when=FIRST_COMPLETED)
            for future in done:
                item = flying.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    broken = True
                    suspects.append(item)
                    continue
                yield Outcome(item, result)

    def close(self) -> None:
        """Stop at once: what is in flight is dropped (it was not journalled and will be done again)."""
        processes = list((self._pool._processes or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            if process.is_alive():
                process.terminate()
        deadline = time.monotonic() + 5
        for process in processes:
            process.join(max(deadline - time.monotonic(), 0.1))


def _alone(function: Callable[[Item], Result], item: Item) -> Generator[Outcome[Item, Result], None, None]:
    suspects: list[Item] = []
    pool = _Pool(1)
    try:
        yield from pool.run(function, [item], suspects)
    finally:
        pool.close()
    if suspects:
        yield Outcome(item, None, "the worker process died on this clip, twice (killed for memory?)")


def _prepare_worker() -> None:
    """Leave Ctrl-C to the parent, and die with it (a parent that was killed cannot stop its workers)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def leave_with_parent() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=leave_with_parent, daemon=True).start()


class _for_children:  # noqa: N801 - reads as the context it is
    """What children inherit: one thread for numerical libraries, which read this when loaded; deafness to Ctrl-C."""

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

    def __enter__(self) -> None:
        # A child that is still starting would answer Ctrl-C with a traceback. A blocked signal is inherited as such,
        # and waits for the parent until it is unblocked again.
        if hasattr(signal, "pthread_sigmask"):
            self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._before = {name: os.environ.get(name) for name in self.names}
        os.environ.update(dict.fromkeys(self.names, "1"))

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)


@contextmanager
def interrupt_here_only() -> Iterator[None]:
    """Ctrl-C reaches every process of the terminal; with this, only the one that planned the work answers it.

    Forked children inherit the handler, spawned ones a blocked signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()
    before = signal.getsignal(signal.SIGINT)

    def answer(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner and callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, answer)
    try:
        yield
    finally:
        if os.getpid() == owner:
            signal.signal(signal.SIGINT, before)


def make_executor(name: str, workers: int) -> Executor:
    """The executor called ``name`` (``local``); one worker works in this process."""
    if name != "local":
        raise ConfigError(f"no executor named '{name}'", fix="use --executor local")
    if workers < 1:
        raise ConfigError(f"--workers is {workers}", fix="give a number of 1 or more")
    return SerialExecutor() if workers == 1 else LocalExecutor(workers)


def default_workers() -> int:
    """Number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

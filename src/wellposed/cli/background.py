"""Work that can be left at any moment: Ctrl-C is answered at once, even in the middle of a compilation."""

from __future__ import annotations

import concurrent.futures
import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from wellposed.runners.base import Progress

__all__ = ["undisturbed", "watch"]

T = TypeVar("T")


class _Left(Exception):
    """Ends work that nobody waits for any more."""


def watch(
    work: Callable[[Callable[[Progress], None]], T],
    show: Callable[[Progress], None],
    stop: threading.Event,
    *,
    patience: float = 30.0,
) -> T:
    """Does ``work`` in a thread of its own and hands back its result or error.

    Args:
        work: takes the function that it reports its progress to.
        show: is told of the progress.
        stop: is set by Ctrl-C; the work then has ``patience`` seconds to hand back what it finished.

    Raises:
        KeyboardInterrupt: nothing was finished, or Ctrl-C was pressed twice.
    """
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    left = threading.Event()

    def progress(state: Progress) -> None:
        if left.is_set():
            raise _Left
        show(state)

    def call() -> None:
        try:
            outcome.set_result(work(progress))
        except BaseException as error:
            outcome.set_exception(error)

    try:
        # A daemon, so that the process can end while it compiles.
        threading.Thread(target=call, name="study", daemon=True).start()
        try:
            return _awaited(outcome)
        except KeyboardInterrupt:
            if outcome.done():  # the work itself says that there is nothing to hand back
                raise
            stop.set()
            return _awaited(outcome, patience)
    finally:
        left.set()


def _awaited(outcome: concurrent.futures.Future[T], patience: float = float("inf")) -> T:
    """The outcome, waited for in slices: Windows doesn't interrupt an endless wait."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with contextlib.suppress(concurrent.futures.TimeoutError):
            return outcome.result(timeout=0.2)
    raise KeyboardInterrupt


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C and requests to terminate are overheard until the block is through, so that files belong together."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

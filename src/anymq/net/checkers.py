"""Checkers: the threads in which passwords are looked at."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

THREADS = 2  # each takes 19 MiB while it works

Answer = TypeVar("Answer")


class Checkers:
    """Runs what takes long, and hands it back to the loop."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._pool = ThreadPoolExecutor(THREADS, "anymq-password")

    def run(self, work: Callable[[], Answer], then: Callable[[Answer], None]) -> None:
        """Run it; then, on the loop, call `then`."""
        self._pool.submit(self._run, work, then)

    def stop(self) -> None:
        """Begin nothing more; what is under way ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, work: Callable[[], Answer], then: Callable[[Answer], None]) -> None:
        answer = work()
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(then, answer)

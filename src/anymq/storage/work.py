"""Slow work, in two halves: what may block, and what touches the state that others read.

The broker is one thread. Whoever has slow work to do prepares it there, a helper thread runs it,
and its result is published there again. So no lock is needed anywhere.
"""

from typing import Protocol


class Work(Protocol):
    """A piece of slow work."""

    def run(self) -> None:
        """Do what blocks. Any thread; touches only files and what it alone owns. Never raises."""

    def done(self) -> None:
        """Publish the result, on the broker's thread."""

"""Clock: the time is handed in, so that a test decides it."""

from typing import Protocol


class Clock(Protocol):
    """Two clocks: one for people, one for waiting."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970, for timestamps; it may jump."""

    def monotonic(self) -> float:
        """Return seconds that only go forward, for time-outs."""

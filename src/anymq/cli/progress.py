"""Says on standard error how far long work is: to people only, and only when it takes a while."""

import sys
import time

FIRST_SECONDS = 1.0
EVERY_SECONDS = 0.5


class Progress:
    """Count; it shows itself when there is somebody to look."""

    def __init__(self, wanted: bool = True) -> None:
        self.messages = 0
        self._bytes = 0
        self._begun = time.monotonic()
        self._next = self._begun + FIRST_SECONDS
        self._watched = wanted and sys.stderr.isatty()
        self._shown = False

    def add(self, messages: int, size: int) -> None:
        """Count what was done."""
        self.messages += messages
        self._bytes += size
        if self._watched and time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_SECONDS
            self._show("")

    def finish(self) -> None:
        """Leave the last figures standing, if any were shown."""
        if self._shown:
            self._show("\n")

    def _show(self, end: str) -> None:
        self._shown = True
        took = max(time.monotonic() - self._begun, 0.001)
        rate, mib = self.messages / took, self._bytes / 2**20
        text = f"\r{self.messages:,} messages, {mib:,.1f} MiB, {rate:,.0f} a second   "
        print(text, end=end, file=sys.stderr, flush=True)


class Bar:
    """How far something is of which the length is known."""

    WIDTH = 30

    def __init__(self) -> None:
        self._next = time.monotonic() + FIRST_SECONDS
        self._watched = sys.stderr.isatty()
        self._shown = False

    def show(self, done: int, total: int, more: str = "") -> None:
        """Show it now and then, to a person."""
        if not self._watched or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_SECONDS
        self._shown = True
        print(f"\r{bar_text(done, total, self.WIDTH)} {more}   ", end="", file=sys.stderr)
        sys.stderr.flush()

    def finish(self) -> None:
        """Go to the next line, if there was one."""
        if self._shown:
            print(file=sys.stderr)


def bar_text(done: int, total: int, width: int) -> str:
    """Draw a bar; a total that has been passed is full."""
    part = min(done / total, 1.0) if total > 0 else 1.0
    full = int(part * width)
    return f"[{'#' * full}{'.' * (width - full)}] {part:4.0%} {done:,} of {total:,}"

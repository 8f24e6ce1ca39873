"""Ctrl-C and SIGTERM, taken where they do no harm.

While we wait for input they end us at once; in the middle of work they end us after it, so that
what was read is sent, and what was written is committed. Asked a second time, we do not wait.
"""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self

TERMINATED = 143
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """Use it in a `with` block around the work."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._idle = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in SIGNALS:
            # What a parent had us ignore, as nohup does, stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """End here, if that was asked for."""
        if self._asked is not None:
            _end(self._asked)

    @contextlib.contextmanager
    def idle(self) -> Iterator[None]:
        """Within this block nothing is lost: an end may come at once."""
        self._idle = True
        try:
            self.check()
            yield
        finally:
            self._idle = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        again = self._asked is not None
        self._asked = number
        if self._idle or again:
            _end(number)


def _end(number: int) -> None:
    if number == signal.SIGTERM:
        raise SystemExit(TERMINATED)
    raise KeyboardInterrupt

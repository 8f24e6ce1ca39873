"""Lines as they come: in chunks, and knowing if more is on its way."""

import os
import select
import sys
from collections.abc import Iterator

from anymq.cli.errors import CommandFailed
from anymq.cli.interrupts import Interrupts

CHUNK_BYTES = 256 * 1024
LINE_BYTES_MAX = 256 * 1024 * 1024  # no broker takes a message of this size


class Lines:
    """Iterate to get all lines that are there, again and again; without their ends."""

    def __init__(self, descriptor: int, interrupts: Interrupts, prompt: str = "") -> None:
        self._descriptor = descriptor
        self._interrupts = interrupts
        self._prompt = prompt

    def __iter__(self) -> Iterator[list[bytes]]:
        rest = b""
        self._ask(1)
        while chunk := self._read():
            *lines, rest = (rest + chunk).split(b"\n") if b"\n" in chunk else (rest + chunk,)
            if len(rest) > LINE_BYTES_MAX:
                raise CommandFailed(f"a line of more than {LINE_BYTES_MAX} bytes")
            if lines:
                yield lines
                self._ask(len(lines))
        if rest:
            yield [rest]

    def more_within(self, seconds: float) -> bool:
        """Is there more now, or within this time? The end counts as more."""
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def _read(self) -> bytes:
        with self._interrupts.idle():
            return os.read(self._descriptor, CHUNK_BYTES)

    def _ask(self, times: int) -> None:
        if self._prompt:
            print(self._prompt * times, end="", flush=True)


def on_terminal() -> bool:
    """Is there a person who types, and sees what we say?"""
    return sys.stdin.isatty() and sys.stdout.isatty()

"""Audit: who changed what, and from where. Kept in a file that is turned over, the last in memory.

Lines are written by a thread of its own, in order: a slow disk holds up nobody. What cannot be
written is counted, and the next line that can says how many are missing.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import BinaryIO

import msgspec

from anymq.observability.log import Log

KEPT_MAX = 10_000  # in memory, for the API
WAITING_MAX = 10_000  # for the thread
READ_BACK_BYTES = 1024 * 1024  # of the file, at the start
NAME = "audit.log"

log = Log(__name__)


class Actor(msgspec.Struct, frozen=True):
    """Who does something."""

    user: str = ""  # empty: the broker itself
    address: str = ""
    protocol: str = ""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was done. On disk, a line of JSON each."""

    timestamp: int  # ms since 1970
    user: str
    address: str
    protocol: str
    action: str  # "created", "changed", "deleted"; "login", "logout"; a method of HTTP
    kind: str  # "queues", "users", …; "request" for what is no definition
    name: str  # as definitions have it: "<vhost>/<name>"; a path
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class AuditLimits:
    """How much is kept on disk; 0 files: nothing."""

    file_bytes: int = 10 * 1024 * 1024
    files: int = 10


class Audit:
    """What was noted, the newest last."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        folder: Path | None = None,
        limits: Callable[[], AuditLimits] = AuditLimits,
    ) -> None:
        self.lost = 0
        self._now_ms = now_ms
        self._limits = limits
        self._path = None if folder is None else folder / NAME
        self.entries: deque[Entry] = deque(self._read_back(), maxlen=KEPT_MAX)
        self._waiting: deque[Entry] = deque()
        self._writer = ThreadPoolExecutor(1, "anymq-audit") if self._path else None
        self._scheduled = False

    def note(self, actor: Actor, action: str, kind: str, name: str, outcome: str = "") -> None:
        """This was done just now."""
        entry = Entry(
            self._now_ms(), actor.user, actor.address, actor.protocol, action, kind, name, outcome
        )
        self.entries.append(entry)
        if self._writer is None or not self._limits().files:
            return
        if len(self._waiting) >= WAITING_MAX:
            self.lost += 1
            return
        self._waiting.append(entry)
        if not self._scheduled:
            self._scheduled = True
            self._writer.submit(self._write)

    def close(self) -> None:
        """Write what waits; there will be no more."""
        if self._writer is not None:
            self._writer.shutdown(wait=True)

    # In the thread

    def _write(self) -> None:
        self._scheduled = False  # what comes from now on is written by the next one
        lines = bytearray()
        for entry in self._taken():
            lines += msgspec.json.encode(entry) + b"\n"
        try:
            self._append(bytes(lines))
        except OSError as error:
            self.lost += lines.count(b"\n")
            log.error("the audit log cannot be written", reason=error)

    def _taken(self) -> Iterator[Entry]:
        if self.lost:
            lost, self.lost = self.lost, 0
            yield Entry(self._now_ms(), "", "", "", "lost", "audit", f"{lost} entries")
        with suppress(IndexError):
            while True:
                yield self._waiting.popleft()

    def _append(self, lines: bytes) -> None:
        assert self._path is not None
        if self._path.exists() and self._path.stat().st_size >= self._limits().file_bytes:
            self._turn_over(self._path)
        new = not self._path.exists()
        with self._path.open("a+b") as file:
            if new:
                self._path.chmod(0o600)
            elif _is_cut_off(file):
                lines = b"\n" + lines
            file.write(lines)

    def _turn_over(self, path: Path) -> None:
        """audit.log becomes audit.log.1, that becomes audit.log.2, the last one goes."""
        files = self._limits().files
        path.with_name(f"{NAME}.{files - 1}").unlink(missing_ok=True)
        for number in range(files - 2, 0, -1):
            older = path.with_name(f"{NAME}.{number}")
            if older.exists():
                older.rename(path.with_name(f"{NAME}.{number + 1}"))
        if files > 1:
            path.rename(path.with_name(f"{NAME}.1"))
        else:
            path.unlink()

    def _read_back(self) -> Iterator[Entry]:
        """Yield what the last run left; a line that is none was cut off by a crash."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open("rb") as file:
            size = self._path.stat().st_size
            file.seek(max(0, size - READ_BACK_BYTES))
            lines = file.read().split(b"\n")
        for line in lines[1:] if size > READ_BACK_BYTES else lines:
            with suppress(msgspec.DecodeError):
                yield _decode(line)


_decode = msgspec.json.Decoder(Entry).decode


def _is_cut_off(file: BinaryIO) -> bool:
    """Is its last line no whole one, as a crash or a full disk left it?"""
    if not file.seek(0, SEEK_END):
        return False
    file.seek(-1, SEEK_END)
    return file.read(1) != b"\n"

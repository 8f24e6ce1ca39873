"""Fates: what was decided of half messages, how far that is done, and how often was asked.

Each is kept from the decision until the settlement of its half would survive a power cut, in a log
that leads: so whatever a crash leaves, a message is in its topic once, or its half still waits.
Its log goes on when the disk is full. On disk: another meaning needs another version.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from anymq.core.catalog import DefinitionStore
from anymq.core.queues.coming import Coming, Stage
from anymq.storage import varints
from anymq.storage.errors import LogFailed, UnknownVersion
from anymq.storage.log import Log, LogConfig
from anymq.storage.log_config import MIB

LOG_ID = 8  # see "Names of clients never become paths" in ARCHITECTURE.md
LOG_CONFIG = LogConfig(
    segment_bytes=4 * MIB, delete=False, compact=True, delete_retention_ms=0, leads=True
)
_VERSION = 1
_NOWHERE = Coming(Stage.BEGUN, [])

Then = Callable[[Exception | None], None]


class Outcome(IntEnum):
    """What becomes of a half message."""

    OPEN = 0  # not decided
    COMMIT = 1  # it goes to its topic
    ROLL_BACK = 2  # it is forgotten
    DISCARD = 3  # nobody knew of it, however often was asked: it goes where an operator finds it


@dataclass(frozen=True, slots=True)
class Fate:
    """Of one half message."""

    outcome: Outcome = Outcome.OPEN
    checks: int = 0
    coming: Coming = _NOWHERE

    def found(self, has: Callable[[int, int], bool]) -> "Fate":
        """Return what a restart makes of it: what it says of places, and is not there, is gone."""
        if self.outcome not in (Outcome.COMMIT, Outcome.DISCARD):
            return self
        if self.coming.stage is Stage.COMPLETE:
            return self
        found = self.coming.found(has) if self.coming.places else None
        return Fate(self.outcome, self.checks, found or _NOWHERE)

    @property
    def is_done(self) -> bool:
        """Is there nothing left to do?"""
        if self.outcome is Outcome.ROLL_BACK:
            return True
        return self.outcome is not Outcome.OPEN and self.coming.stage is Stage.COMPLETE

    def encode(self) -> bytes:
        """Return it as it is kept."""
        head = bytes((_VERSION, self.outcome)) + varints.encode(self.checks)
        return head + self.coming.encode()

    @classmethod
    def decode(cls, data: bytes) -> "Fate":
        """Read it again. UnknownVersion."""
        if data[0] != _VERSION:
            raise UnknownVersion("a newer version has written what was decided of half messages")
        checks, at = varints.decode(data, 2)
        return cls(Outcome(data[1]), checks, Coming.decode(data[at:]))


class Fates:
    """All of them."""

    def __init__(self, store: DefinitionStore, log: Log) -> None:
        self._store = store
        self._log = log

    def check(self) -> None:
        """Refuse what is to be written down here, when nothing can be. StorageError."""
        if self._log.failed is not None:
            raise LogFailed(f"log {self._log.id} takes no more writes")

    def all(self) -> dict[int, Fate]:
        """Return what is kept, by position."""
        return {int(key): Fate.decode(value) for key, value in self._store.load().items()}

    def put(self, position: int, fate: Fate, then: Then) -> None:
        """Keep one; `then` is called when it is safe, or cannot be."""
        self._store.put({str(position): fate.encode()}, then)

    def forget(self, positions: Iterable[int]) -> None:
        """These are done, and a restart knows that without them."""
        kept = [str(one) for one in positions if self._store.value(str(one)) is not None]
        if kept:
            self._store.put(dict.fromkeys(kept), ignore)


def ignore(error: Exception | None) -> None:
    """Nobody waits for it."""

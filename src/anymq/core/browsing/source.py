"""Source: what can be looked at, piece by piece. What comes after it was made is not seen."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from anymq.config.units import KIB
from anymq.core.queues.delivery import Seen
from anymq.core.queues.stored import MayHold, Stored

PIECE_BYTES = 128 * KIB  # about: then a piece takes some milliseconds at most

__all__ = ["PIECE_BYTES", "MayHold", "Piece", "Source", "Stored", "after"]


class Piece(NamedTuple):
    """Some messages, one after another."""

    found: Sequence[Stored]
    examined: int  # how many there were, also those that were left out
    next: int | None  # where to go on; None: this was the end


class Source(Protocol):
    """A queue, a stream, a partition."""

    @property
    def total(self) -> int:
        """How many messages there are to be seen, about."""

    @property
    def first(self) -> int:
        """Where to begin."""

    @property
    def consumed(self) -> bool:
        """Is a message gone from here when it is done with? Streams keep theirs."""

    def since(self, time_ms: int) -> None:
        """See only what came then or later; call it before `first` is asked for."""

    def newest(self, count: int) -> None:
        """See about the newest ones only, so many of each part; before `first`, too."""

    def look(self, position: int, may_hold: MayHold | None = None) -> Piece | None:
        """Return what is there from a position on; None when it cannot be read now.

        Refused, when it is gone as a whole.
        """

    def told(self, stored: Iterable[Stored]) -> list[Seen]:
        """Say what is known of these."""

    def claim(self, stored: Sequence[Stored]) -> list[int]:
        """Take those that are ready; return which."""

    def settle(self, positions: Sequence[int]) -> None:
        """These, which were claimed, are done with."""

    def give_back(self, positions: Sequence[int]) -> None:
        """These, which were claimed, are where they were again."""


def after(parts: Sequence[int], part: int, first_in: Callable[[int], int]) -> int | None:
    """Return where the part behind this one begins; None: it is the last."""
    at = parts.index(part) + 1 if part in parts else len(parts)
    return first_in(parts[at]) if at < len(parts) else None

"""Ledger: what was promised about a queue's messages, what its clients saw, and what must not be.

sent ─► confirmed ─► out with a consumer ─► acked ─► settled for certain: never seen again
                          └─ given back, or its consumer or the broker died: it may come again
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Entry:
    """One message."""

    sender: str
    number: int  # of this sender
    confirmed: bool = False
    delivered: int = 0
    holder: object = None
    may_come: bool = True
    done_with: bool = False  # its consumer said so; the broker may know
    ack_heard: bool = False  # it knows
    settled: bool = False  # and has written it down
    synced: bool = False  # and cannot forget it
    there: bool = False  # for certain: confirmed, or seen since the broker died
    returning: bool = False  # given back, and the broker may not know yet


@dataclass
class Ledger:
    """One queue. `in_order`: one consumer has all of it, so order can be judged."""

    name: str
    in_order: bool
    entries: dict[bytes, Entry] = field(default_factory=dict)
    _next: dict[str, int] = field(default_factory=dict)

    def sent(self, sender: str, body: bytes) -> None:
        number = self._next[sender] = self._next.get(sender, 0) + 1
        self.entries[body] = Entry(sender, number)

    def confirmed(self, body: bytes) -> None:
        entry = self.entries[body]
        entry.confirmed = entry.there = True

    def delivered(self, body: bytes, holder: object) -> None:
        entry = self.entries.get(body)
        assert entry is not None, f"{self.name}: phantom {body[:20]!r}"
        assert not entry.settled, f"{self.name}: {body[:20]!r} was settled and is back"
        assert entry.may_come, f"{self.name}: {body[:20]!r} came twice"
        if self.in_order:
            self._check_order(body, entry)
        entry.holder, entry.may_come = holder, False
        entry.ack_heard = entry.done_with = False
        entry.delivered += 1
        entry.there = True

    def _check_order(self, body: bytes, entry: Entry) -> None:
        for other_body, other in self.entries.items():
            if other.sender == entry.sender and other.number < entry.number and self._waits(other):
                raise AssertionError(f"{self.name}: {body[:20]!r} came before {other_body[:20]!r}")

    def _waits(self, entry: Entry) -> bool:
        unsure = entry.returning or entry.done_with
        return entry.there and entry.may_come and not unsure

    def acked(self, body: bytes) -> None:
        self.entries[body].done_with = True

    def ack_heard(self, body: bytes, holder: object) -> None:
        entry = self.entries[body]
        if entry.holder is holder:
            entry.ack_heard = True

    def given_back(self, body: bytes) -> None:
        entry = self.entries[body]
        entry.may_come = entry.returning = True

    def return_heard(self, body: bytes) -> None:
        self.entries[body].returning = False

    def holder_lost(self, holder: object) -> None:
        """Its connection is gone; what the broker knows of it holds."""
        for entry in self.entries.values():
            if entry.holder is holder:
                entry.holder = None
                entry.may_come = entry.may_come or not entry.ack_heard
                entry.returning = False

    def broker_idle(self) -> None:
        """All that it knows is written."""
        for entry in self.entries.values():
            entry.settled = entry.settled or entry.ack_heard

    def settled(self) -> list[Entry]:
        """Return what is written down as done with."""
        return [entry for entry in self.entries.values() if entry.settled]

    def broker_died(self, *, power_cut: bool) -> None:
        """What was not settled for certain may come again."""
        for entry in self.entries.values():
            entry.settled = entry.settled and (entry.synced or not power_cut)
            if not entry.settled:
                entry.may_come, entry.holder = True, None
                entry.ack_heard = entry.returning = False
                entry.there = entry.confirmed

    @property
    def is_done(self) -> bool:
        """Did everything that was confirmed come, and is nothing left that came?"""
        return not self.missing and not self.left

    @property
    def missing(self) -> list[bytes]:
        """Confirmed, and never seen."""
        return [body for body, one in self.entries.items() if one.confirmed and not one.delivered]

    @property
    def left(self) -> list[bytes]:
        """Seen, and nobody is done with it."""
        return [
            body
            for body, one in self.entries.items()
            if one.delivered and one.there and not one.done_with
        ]

    def check_end(self) -> None:
        """All is calm, everything was consumed."""
        assert not self.missing, f"{self.name}: lost {_short(self.missing)}"
        assert not self.left, f"{self.name}: left {_short(self.left)}"


def _short(bodies: list[bytes]) -> list[bytes]:
    return [body[:20] for body in bodies[:5]]

"""Transactions: what a client sends and settles between BEGIN and COMMIT.

Everything is looked at when it comes, and happens at COMMIT: in one turn, so in one write per log
and one sync. What is wrong within a transaction ends the connection, and with it all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from anymq.core.message import Run
from anymq.core.queues.memory import MESSAGE_BYTES
from anymq.protocols.stomp.errors import StompError
from anymq.protocols.stomp.subscribing import Settlement
from anymq.protocols.stomp.wire import Owed


@dataclass(slots=True)
class Transaction:
    """What is to be done, in the order in which it was said."""

    steps: "list[Settlement | tuple[Sequence[Run], Owed]]" = field(default_factory=list)

    @property
    def settlements(self) -> list[Settlement]:
        """What it settles."""
        return [step for step in self.steps if isinstance(step, Settlement)]


class Transactions:
    """Those of one client that are begun."""

    __slots__ = ("_begun", "_bytes", "_bytes_max", "_count_max")

    def __init__(self, *, count_max: int, bytes_max: int) -> None:
        self._begun: dict[str, Transaction] = {}
        self._bytes = 0
        self._count_max = count_max
        self._bytes_max = bytes_max

    def __contains__(self, name: object) -> bool:
        """Is it begun?"""
        return name in self._begun

    def begin(self, name: str) -> None:
        """Gather under this name from now on."""
        if name in self._begun:
            raise StompError("Bad transaction", f"Transaction {name} is begun already\n")
        if len(self._begun) >= self._count_max:
            raise StompError(
                "Transaction limit exceeded",
                f"Too many concurrent transactions (limit {self._count_max})",
            )
        self._begun[name] = Transaction()

    def of(self, name: str) -> Transaction:
        """Return the one of this name."""
        found = self._begun.get(name)
        if found is None:
            raise StompError("Bad transaction", f'Invalid transaction identifier: "{name}"\n')
        return found

    def add(self, name: str, step: "Settlement | tuple[Sequence[Run], Owed]") -> None:
        """Do this at the commit."""
        if isinstance(step, Settlement):
            self._bytes += MESSAGE_BYTES * step.count
        else:
            self._bytes += sum(run.size + MESSAGE_BYTES for run in step[0])
        if self._bytes > self._bytes_max:
            raise StompError(
                "Transaction too large",
                f"More than {self._bytes_max} bytes that are not committed",
                fatal=True,
            )
        self.of(name).steps.append(step)

    def end(self, name: str) -> Transaction:
        """Take it out: it is committed or given up."""
        found = self.of(name)
        del self._begun[name]
        if not self._begun:
            self._bytes = 0
        return found

    def end_all(self) -> list[Transaction]:
        """Take out all: the client is gone."""
        begun, self._begun = self._begun, {}
        return list(begun.values())

"""Transactions: what a channel publishes and acknowledges between tx.select and tx.commit.

Nothing of it happens before the commit; then all of it does, in one turn, so in one write per log
and one sync. The answer comes when the disk has all.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from anymq.core.message import Run
from anymq.core.queues.memory import MESSAGE_BYTES
from anymq.protocols.amqp.errors import ChannelError, ReplyCode
from anymq.protocols.amqp.methods import (
    ConfirmSelect,
    ConfirmSelectOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from anymq.protocols.amqp.unacked import Entry

if TYPE_CHECKING:
    from anymq.protocols.amqp.channel import Channel

BYTES_MAX = 256 * 1024 * 1024  # of what is not committed yet
Settle = Callable[[list[Entry]], None]


class Transaction:
    """What is to be done."""

    __slots__ = ("_runs", "_settlements", "_size")

    def __init__(self) -> None:
        self._runs: list[tuple[Run, bool]] = []
        self._settlements: list[tuple[Settle, list[Entry]]] = []
        self._size = 0

    def publish(self, run: Run, *, mandatory: bool) -> None:
        """Publish these, at the commit."""
        self._size += run.size + MESSAGE_BYTES * len(run.messages)
        if self._size > BYTES_MAX:
            raise ChannelError(
                ReplyCode.RESOURCE_ERROR, f"a transaction of more than {BYTES_MAX} bytes"
            )
        self._runs.append((run, mandatory))

    def settle(self, settle: Settle, entries: list[Entry]) -> None:
        """Acknowledge or reject these, at the commit."""
        self._settlements.append((settle, entries))

    def apply(self, channel: "Channel", then: "Commit") -> None:
        """Do all of it."""
        for run, mandatory in self._runs:
            channel.publisher.publish(run, then.another(), mandatory=mandatory)
        for settle, entries in self._settlements:
            settle(entries)
        if self._settlements:
            channel.when_settled(then.another())

    def undo(self, channel: "Channel") -> None:
        """Do nothing of it: what was to be settled is unacknowledged as before."""
        for _, entries in self._settlements:
            channel.unacked.put_back(entries)


class Commit:
    """Waits until all parts of a transaction are safe."""

    __slots__ = ("_error", "_then", "_waiting")

    def __init__(self, then: Callable[[Exception | None], None]) -> None:
        self._then = then
        self._waiting = 1  # for `all_begun`
        self._error: Exception | None = None

    def another(self) -> Callable[[Exception | None], None]:
        """Return what to call when one more part is safe."""
        self._waiting += 1
        return self._part_done

    def all_begun(self) -> None:
        """No more parts will come."""
        self._part_done(None)

    def _part_done(self, error: Exception | None) -> None:
        self._error = self._error or error
        self._waiting -= 1
        if not self._waiting:
            self._then(self._error)


def select(channel: "Channel", method: TxSelect) -> None:
    """Gather from now on."""
    if channel.confirms is not None:
        raise ChannelError(ReplyCode.PRECONDITION_FAILED, "cannot switch from confirm to tx mode")
    if channel.transaction is None:
        channel.transaction = Transaction()
    channel.send(TxSelectOk())


def commit(channel: "Channel", method: TxCommit) -> None:
    """Do all that was gathered; answer when it is safe."""
    transaction, channel.transaction = _transaction(channel), Transaction()

    def done(error: Exception | None) -> None:
        if error is None:
            channel.send(TxCommitOk())
        else:
            text = "partial tx completion"
            channel.fail(ChannelError(ReplyCode.PRECONDITION_FAILED, text, method=TxCommit.KEY))

    waits = Commit(done)
    transaction.apply(channel, waits)
    waits.all_begun()


def rollback(channel: "Channel", method: TxRollback) -> None:
    """Forget what was gathered."""
    transaction, channel.transaction = _transaction(channel), Transaction()
    transaction.undo(channel)
    channel.send(TxRollbackOk())


def confirm(channel: "Channel", method: ConfirmSelect) -> None:
    """Confirm what is published from now on."""
    if channel.transaction is not None:
        raise ChannelError(ReplyCode.PRECONDITION_FAILED, "cannot switch from tx to confirm mode")
    channel.confirm()
    if not method.nowait:
        channel.send(ConfirmSelectOk())


def _transaction(channel: "Channel") -> Transaction:
    if channel.transaction is None:
        raise ChannelError(ReplyCode.PRECONDITION_FAILED, "channel is not transactional")
    return channel.transaction

"""Talk: what clients say once they are in, frame by frame."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from anymq.core.errors import Rejected
from anymq.core.message import Run
from anymq.core.routing.target import Then
from anymq.protocols.stomp.codec import Frame
from anymq.protocols.stomp.consuming import Consumer
from anymq.protocols.stomp.errors import REFUSALS, StompError, to_stomp
from anymq.protocols.stomp.ground import Ground
from anymq.protocols.stomp.sending import Sender
from anymq.protocols.stomp.subscribing import Settlement, Subscribed, Subscriptions
from anymq.protocols.stomp.transactions import Transaction, Transactions
from anymq.protocols.stomp.wire import Owed


class Talk:
    """Frames become what the broker does, and receipts."""

    def __init__(
        self,
        ground: Ground,
        *,
        on_lost: Callable[[Subscribed], None],
        on_late: Callable[[Consumer, int], None],
        on_fault: Callable[[StompError], None],
    ) -> None:
        self.ground = ground
        self.subscriptions = Subscriptions(ground, on_lost, on_late)
        self.sender = Sender(ground, self.subscriptions.temp_queue)
        self.transactions = Transactions(
            count_max=ground.settings.transactions_max,
            bytes_max=ground.settings.transaction_bytes_max,
        )
        self._on_fault = on_fault

    @property
    def has_room(self) -> bool:
        """May the client say more, or are we behind?"""
        return len(self.ground.wire.owed) < self.ground.settings.receipts_max

    def on_frame(self, frame: Frame) -> None:
        """Act on one frame; what is wrong with it is answered in its place."""
        owed = Owed(receipt=frame.headers.get("receipt"))
        try:
            handler = _HANDLERS.get(frame.command)
            if handler is None:
                raise StompError("Bad command", f'Could not interpret command "{frame.command}"\n')
            handler(self, frame, owed)
        except (StompError, *REFUSALS) as error:
            told = to_stomp(error)
            # Half of a transaction must not be committed.
            told.fatal |= frame.headers.get("transaction") in self.transactions
            self._fault(told, owed)

    def leave(self) -> None:
        """The client is gone: nothing of what it began and did not end happens."""
        self.transactions.end_all()
        self.subscriptions.leave()

    def tick(self) -> None:
        """Time passes: there may be more that is wanted."""
        if self.subscriptions.look_for_more():
            self.ground.broker.turn.run()

    # What waits for the disk

    def _wait(self, owed: Owed) -> Then:
        """Return what to call when one more thing is safe that this answer is about."""
        owed.waits_for += 1
        return partial(self._safe, owed)

    def _safe(self, owed: Owed, error: Exception | None) -> None:
        wire = self.ground.wire
        if error is not None and not wire.ended:
            owed.receipt, receipt = None, owed.receipt
            if receipt is not None:
                told = to_stomp(error)
                told.fatal = not isinstance(error, Rejected)
                self._on_fault(_about(told, receipt))
        wire.done(owed)

    def _answer(self, owed: Owed) -> None:
        """All that the answer waits for is begun."""
        wire = self.ground.wire
        if owed.receipt is not None or owed.waits_for:
            wire.owe(owed)
            wire.begun(owed)

    def _fault(self, error: StompError, owed: Owed) -> None:
        self._on_fault(error if owed.receipt is None else _about(error, owed.receipt))

    # Frames

    def _on_send(self, frame: Frame, owed: Owed) -> None:
        name = frame.headers.get("transaction")
        if name is not None:
            self.transactions.of(name)
        wait = partial(self._wait, owed)
        frames = self.ground.dialect.sends(self.ground, frame)
        runs = [self.sender.prepare(one, wait) for one in frames]
        if name is not None:
            self.transactions.add(name, (runs, owed))
            return
        for run in runs:
            self._publish(run, owed)
        self._answer(owed)

    def _publish(self, run: Run, owed: Owed) -> None:
        """The receipt waits for the disk, the next frame does not."""
        self.sender.publish(run, None if owed.receipt is None else self._wait(owed))

    def _on_subscribe(self, frame: Frame, owed: Owed) -> None:
        self.subscriptions.subscribe(frame.headers, partial(self._wait, owed))
        self._answer(owed)

    def _on_unsubscribe(self, frame: Frame, owed: Owed) -> None:
        self.subscriptions.unsubscribe(frame.headers, partial(self._wait, owed))
        self._answer(owed)

    def _on_ack(self, frame: Frame, owed: Owed) -> None:
        name = frame.headers.get("transaction")
        if name is not None:
            self.transactions.of(name)
        settlement = self.subscriptions.settlement(frame.command, frame.headers)
        if name is not None:
            self.transactions.add(name, settlement)
        else:
            self._settle(settlement, owed)
        self._answer(owed)

    def _settle(self, settlement: Settlement, owed: Owed) -> None:
        self.subscriptions.settle(settlement)
        if owed.receipt is not None:
            self.ground.broker.when_settled(self._wait(owed))

    def _on_begin(self, frame: Frame, owed: Owed) -> None:
        self.transactions.begin(_transaction_of(frame))
        self._answer(owed)

    def _on_commit(self, frame: Frame, owed: Owed) -> None:
        """Do all of it, in one turn; its receipt says that all of it is safe."""
        transaction = self.transactions.end(_transaction_of(frame))
        for step in transaction.steps:
            if isinstance(step, Settlement):
                self.subscriptions.settle(step)
            else:
                self._commit_send(*step, commit=owed)
        if transaction.settlements and owed.receipt is not None:
            self.ground.broker.when_settled(self._wait(owed))
        self._answer(owed)

    def _commit_send(self, runs: Sequence[Run], owed: Owed, *, commit: Owed) -> None:
        for run in runs:
            waits = [self._wait(one) for one in (owed, commit) if one.receipt is not None]
            self.sender.publish(run, partial(_tell, waits) if waits else None)
        self._answer(owed)

    def _on_abort(self, frame: Frame, owed: Owed) -> None:
        self._undo(self.transactions.end(_transaction_of(frame)))
        self._answer(owed)

    def _undo(self, transaction: Transaction) -> None:
        for settlement in transaction.settlements:
            self.subscriptions.undo(settlement)

    def _on_disconnect(self, frame: Frame, owed: Owed) -> None:
        owed.is_last = True
        self.ground.wire.owe(owed)
        self.ground.wire.begun(owed)

    def _on_connect(self, frame: Frame, owed: Owed) -> None:
        raise StompError("Illegal command", "You are logged in already", fatal=True)


def _transaction_of(frame: Frame) -> str:
    name = frame.headers.get("transaction")
    if name is None:
        raise StompError(
            "Missing transaction", f"\"{frame.command}\" must include a 'transaction' header\n"
        )
    return name


def _about(error: StompError, receipt: str) -> StompError:
    """Say which frame was wrong."""
    headers = (*error.headers, ("receipt-id", receipt))
    return StompError(error.title, error.text, fatal=error.fatal, headers=headers)


def _tell(whom: list[Then], error: Exception | None) -> None:
    for one in whom:
        one(error)


_HANDLERS: Mapping[str, Callable[[Talk, Frame, Owed], None]] = {
    "SEND": Talk._on_send,
    "SUBSCRIBE": Talk._on_subscribe,
    "UNSUBSCRIBE": Talk._on_unsubscribe,
    "ACK": Talk._on_ack,
    "NACK": Talk._on_ack,
    "BEGIN": Talk._on_begin,
    "COMMIT": Talk._on_commit,
    "ABORT": Talk._on_abort,
    "DISCONNECT": Talk._on_disconnect,
    "CONNECT": Talk._on_connect,
    "STOMP": Talk._on_connect,
}

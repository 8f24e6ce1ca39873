"""Transactions: half messages come as others do, and their senders say what becomes of them."""

from functools import partial

from anymq.core.errors import Conflict, NotFound
from anymq.core.rights.operations import Operation
from anymq.core.transactions import halves
from anymq.core.transactions.open import Open
from anymq.protocols.rocketmq import authorization, layout
from anymq.protocols.rocketmq.api.send import answer_of
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import REFUSALS, RocketMqError
from anymq.protocols.rocketmq.halves import half_of, is_half
from anymq.protocols.rocketmq.layout import COMMIT, ROLLBACK
from anymq.protocols.rocketmq.send_request import Send
from anymq.protocols.rocketmq.topics import queue_of


def keep_half(send: Send) -> bool:
    """Keep a half message where nobody sees it; say whether it is one. See `RocketMq.detours`."""
    if not is_half(send.messages[0][0]):
        return False
    try:
        _keep(send)
    except REFUSALS as error:  # the topic may have been made first: nobody catches this above
        send.call.fail(error)
    return True


def _keep(send: Send) -> None:
    call, rocketmq = send.call, send.call.rocketmq
    if send.is_batch:
        raise RocketMqError(ResponseCode.MESSAGE_ILLEGAL, "a batch cannot be transactional")
    topic = call.broker.topic(send.topic)
    queue = send.queue if send.queue >= 0 else rocketmq.next_queue(len(topic.partitions))
    queue_of(topic, queue)
    rocketmq.delaying.due(send.messages[0][0].properties)  # refuses now what would be then
    message, user = send.messages[0], call.access.user
    half = half_of(send.topic, queue, message, send.group, user, call.now_ms())
    kept = _Kept(send, queue)
    kept.position = rocketmq.transactions.prepare(half, kept.then)
    call.later()
    rocketmq.counters.messages_in += 1
    rocketmq.counters.bytes_in += len(call.body)


class _Kept:
    """A half message on its way to the disk."""

    __slots__ = ("_queue", "_send", "position")

    def __init__(self, send: Send, queue: int) -> None:
        self._send = send
        self._queue = queue
        self.position = -1

    def then(self, error: Exception | None) -> None:
        call = self._send.call
        if error is not None:
            call.rocketmq.counters.refused += 1
            call.fail(error)
            return
        call.answer(answer_of(self._send, halves.LOG_ID, self._queue, self.position))


def end(call: Call) -> None:
    """A producer has decided, by itself or because we asked; or it does not know yet."""
    outcome = call.number("commitOrRollback")
    if outcome not in (COMMIT, ROLLBACK):
        call.answer()
        return
    one = _found(call)
    authorization.topic(call, Operation.WRITE, one.topic)
    transactions = call.rocketmq.transactions
    decide = transactions.commit if outcome == COMMIT else transactions.roll_back
    call.later()
    try:
        decide(one.position, partial(_ended, call))
    except (Conflict, NotFound) as error:
        raise RocketMqError(ResponseCode.SYSTEM_ERROR, str(error)) from None


def _found(call: Call) -> Open:
    """Return the half message that is meant; refuse what does not fit together, as RocketMQ."""
    log_id, position = layout.place_of(call.number("commitLogOffset"))
    one = call.rocketmq.transactions.find(position) if log_id == halves.LOG_ID else None
    if one is None:
        raise RocketMqError(ResponseCode.SYSTEM_ERROR, "Find prepared transaction message failed")
    if one.group != call.text("producerGroup"):
        raise RocketMqError(ResponseCode.SYSTEM_ERROR, "The producer group wrong")
    if one.position != call.number("tranStateTableOffset"):
        raise RocketMqError(ResponseCode.SYSTEM_ERROR, "The transaction state table offset wrong")
    if not call.flag("fromTransactionCheck") and _is_late(one, call.now_ms()):
        raise RocketMqError(ResponseCode.ILLEGAL_OPERATION, "too late: wait to be asked")
    return one


def _is_late(one: Open, now_ms: int) -> bool:
    """Who says how long he needs, and needs longer, is asked, and not heard before."""
    return 0 <= one.immune_ms < now_ms - one.since_ms


def _ended(call: Call, error: Exception | None) -> None:
    if error is None:
        call.answer()
    else:
        call.fail(error)


CODES = {RequestCode.END_TRANSACTION: end}

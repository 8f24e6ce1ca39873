"""Settling: ack, nack, reject and recover: what clients say about what was delivered."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from anymq.protocols.amqp.errors import ChannelError, ConnectionFault, ReplyCode
from anymq.protocols.amqp.methods import (
    BasicNack,
    BasicRecover,
    BasicRecoverAsync,
    BasicRecoverOk,
    BasicReject,
)
from anymq.protocols.amqp.unacked import Entry, UnknownTag, grouped

if TYPE_CHECKING:
    from anymq.protocols.amqp.channel import Channel

Settle = Callable[[list[Entry]], None]


def answer(channel: "Channel", tag: int, settle: Settle, *, multiple: bool, key: int) -> None:
    """Settle one message or all up to it: now, or when the transaction is committed."""
    try:
        entries = channel.unacked.remove(tag, multiple=multiple)
    except UnknownTag as error:
        raise unknown_tag(error, key) from None
    if channel.transaction is not None:
        channel.transaction.settle(settle, entries)
    else:
        settle(entries)


def unknown_tag(error: UnknownTag, key: int) -> ChannelError:
    """Say it in AMQP's words."""
    return ChannelError(ReplyCode.PRECONDITION_FAILED, str(error), method=key)


def ack(entries: list[Entry]) -> None:
    """These are done."""
    for taker, positions in grouped(entries).items():
        taker.settle(positions)


def refuse(entries: list[Entry], *, requeue: bool, by_nack: bool) -> None:
    """These are not wanted: again later, or dead."""
    for taker, positions in grouped(entries).items():
        taker.reject(positions, requeue=requeue, by_nack=by_nack)


def nack(channel: "Channel", method: BasicNack) -> None:
    """Refuse one message or all up to it."""
    settle = partial(refuse, requeue=method.requeue, by_nack=True)
    answer(channel, method.delivery_tag, settle, multiple=method.multiple, key=method.KEY)


def reject(channel: "Channel", method: BasicReject) -> None:
    """Refuse one message."""
    settle = partial(refuse, requeue=method.requeue, by_nack=False)
    answer(channel, method.delivery_tag, settle, multiple=False, key=method.KEY)


def recover(channel: "Channel", method: BasicRecover | BasicRecoverAsync) -> None:
    """Put all that is out back into its queues."""
    if not method.requeue:
        raise ConnectionFault(ReplyCode.NOT_IMPLEMENTED, "requeue=false")
    refuse(channel.unacked.remove_all(), requeue=True, by_nack=True)
    if isinstance(method, BasicRecover):
        channel.send(BasicRecoverOk())

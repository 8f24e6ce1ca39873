"""Declaring: exchanges, queues and bindings. Answered when a restart would find it so."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from anymq.core.errors import NotAllowed, NotFound, PreconditionFailed
from anymq.core.queues.arguments import CLASSIC
from anymq.core.routing.target import Then
from anymq.core.vhosts.vhost import stripped
from anymq.protocols.amqp import direct_reply
from anymq.protocols.amqp.methods import (
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
    Method,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
    QueueUnbindOk,
)

if TYPE_CHECKING:
    from anymq.protocols.amqp.channel import Channel

NAME_PREFIX = "x-name-prefix"
NAME_PREFIX_BYTES_MAX = 64


def declare_exchange(channel: "Channel", method: ExchangeDeclare) -> None:
    """Make an exchange, or see that it is there and is the same."""
    vhost, name = channel.wire.vhost, method.exchange
    if method.passive:
        vhost.exchange(_not_default(stripped(name)))
        channel.answer(ExchangeDeclareOk(), method.nowait)
        return

    def begin(then: Then) -> Method:
        vhost.declare_exchange(
            name,
            method.type,
            durable=method.durable,
            auto_delete=method.auto_delete,
            internal=method.internal,
            arguments=method.arguments,
            then=then,
        )
        return ExchangeDeclareOk()

    channel.answer_later(method, method.nowait, begin)


def delete_exchange(channel: "Channel", method: ExchangeDelete) -> None:
    """Unmake an exchange; one that is not there is gone, too."""

    def begin(then: Then) -> Method:
        name = method.exchange
        channel.wire.vhost.delete_exchange(name, if_unused=method.if_unused, then=then)
        return ExchangeDeleteOk()

    channel.answer_later(method, method.nowait, begin)


def bind_exchange(channel: "Channel", method: ExchangeBind) -> None:
    """Let an exchange feed another."""

    def begin(then: Then) -> Method:
        channel.wire.vhost.bind(
            method.source,
            method.destination,
            method.routing_key,
            method.arguments,
            to_exchange=True,
            then=then,
        )
        return ExchangeBindOk()

    channel.answer_later(method, method.nowait, begin)


def unbind_exchange(channel: "Channel", method: ExchangeUnbind) -> None:
    """Let it feed the other no more."""

    def begin(then: Then) -> Method:
        channel.wire.vhost.unbind(
            method.source,
            method.destination,
            method.routing_key,
            method.arguments,
            to_exchange=True,
            then=then,
        )
        return ExchangeUnbindOk()

    channel.answer_later(method, method.nowait, begin)


def declare_queue(channel: "Channel", method: QueueDeclare) -> None:
    """Make a queue, or see that it is there and is the same. Without a name, it gets one."""
    name = stripped(method.queue)
    if name.startswith(direct_reply.PSEUDO_QUEUE):
        _find_reply_queue(channel, method, name)
        return
    if method.passive:
        queue = channel.open_queue(name)
        channel.last_queue = queue.name
        answer = QueueDeclareOk(queue.name, queue.ready, queue.consumer_count)
        channel.answer(answer, method.nowait)
        return

    def begin(then: Then) -> Method:
        queue = channel.wire.vhost.declare_queue(
            _named(channel, name, method.arguments),
            durable=method.durable,
            owner=channel.wire.owner if method.exclusive else None,
            auto_delete=method.auto_delete,
            arguments={k: v for k, v in method.arguments.items() if k != NAME_PREFIX},
            then=then,
        )
        channel.last_queue = queue.name
        return QueueDeclareOk(queue.name, queue.ready, queue.consumer_count)

    channel.answer_later(method, method.nowait, begin)


def _named(channel: "Channel", name: str, arguments: Mapping[str, Any]) -> str:
    """Return the name of a queue to be; clients may say how a name that we make begins."""
    if name:
        return name
    kind = arguments.get("x-queue-type") or channel.wire.vhost.default_queue_type
    if kind != CLASSIC:
        raise PreconditionFailed(
            f"Cannot declare a server-named queue for type rabbit_{kind}_queue"
        )
    prefix = arguments.get(NAME_PREFIX)
    if not isinstance(prefix, str) or not prefix:
        return name
    if len(prefix.encode()) > NAME_PREFIX_BYTES_MAX:
        raise PreconditionFailed(
            f"Queue name prefix '{stripped(prefix)}' exceeds the {NAME_PREFIX_BYTES_MAX}-byte limit"
        )
    return channel.wire.vhost.new_name(stripped(prefix) + "-")


def _find_reply_queue(channel: "Channel", method: QueueDeclare, name: str) -> None:
    """Whether somebody still waits for an answer: all that a responder may ask."""
    if not direct_reply.is_there(channel, name):
        raise NotFound(f"no queue '{name}' in vhost '{channel.wire.vhost.name}'")
    channel.last_queue = name
    channel.answer(QueueDeclareOk(name, 0, 1), method.nowait)


def delete_queue(channel: "Channel", method: QueueDelete) -> None:
    """Unmake a queue; one that is not there is gone, too."""

    def begin(then: Then) -> Method:
        count = channel.wire.vhost.delete_queue(
            channel.queue_name(method.queue),
            owner=channel.wire.owner,
            if_unused=method.if_unused,
            if_empty=method.if_empty,
            then=then,
        )
        return QueueDeleteOk(count)

    channel.answer_later(method, method.nowait, begin)


def purge_queue(channel: "Channel", method: QueuePurge) -> None:
    """Settle all that waits in a queue."""
    count = channel.open_queue(method.queue).purge()
    channel.answer(QueuePurgeOk(count), method.nowait)


def bind_queue(channel: "Channel", method: QueueBind) -> None:
    """Let an exchange feed a queue."""
    name, key = _bound_queue(channel, method.queue, method.routing_key)

    def begin(then: Then) -> Method:
        channel.wire.vhost.bind(
            method.exchange,
            name,
            key,
            method.arguments,
            to_exchange=False,
            owner=channel.wire.owner,
            then=then,
        )
        return QueueBindOk()

    channel.answer_later(method, method.nowait, begin)


def unbind_queue(channel: "Channel", method: QueueUnbind) -> None:
    """Let an exchange feed a queue no more."""
    name, key = _bound_queue(channel, method.queue, method.routing_key)

    def begin(then: Then) -> Method:
        channel.wire.vhost.unbind(
            method.exchange,
            name,
            key,
            method.arguments,
            to_exchange=False,
            owner=channel.wire.owner,
            then=then,
        )
        return QueueUnbindOk()

    channel.answer_later(method, False, begin)


def _bound_queue(channel: "Channel", queue: str, key: str) -> tuple[str, str]:
    """Return queue and key as they are meant: both empty is the last declared queue, twice."""
    name = channel.queue_name(queue)
    return name, key if queue or key else name


def _not_default(name: str) -> str:
    if not name:
        raise NotAllowed("operation not permitted on the default exchange")
    return name

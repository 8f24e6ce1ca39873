"""Declaring: exchanges, queues and bindings. Answered when a restart would find it so."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from anymq.core.errors import NotAllowed, NotFound, PreconditionFailed
from anymq.core.queues.arguments import CLASSIC
from anymq.core.rights.permit import CONFIGURE, READ, WRITE
from anymq.core.routing.exchange import ALTERNATE
from anymq.core.routing.target import Then
from anymq.core.vhosts import needs
from anymq.core.vhosts.vhost import GENERATED, RESERVED, Redeclare, stripped
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

DEAD_LETTER_EXCHANGE = "x-dead-letter-exchange"
NAME_PREFIX = "x-name-prefix"
NAME_PREFIX_BYTES_MAX = 64

Verb = Callable[..., None]  # of a virtual host: bind, unbind


def declare_exchange(channel: "Channel", method: ExchangeDeclare) -> None:
    """Make an exchange, or see that it is there and is the same."""
    vhost, name = channel.wire.vhost, method.exchange
    if method.passive:
        name = _not_default(stripped(name))
        channel.wire.permit.see("exchange", name)
        vhost.exchange(name)
        channel.answer(ExchangeDeclareOk(), method.nowait)
        return

    _check_exchange(channel, method)

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


def _check_exchange(channel: "Channel", method: ExchangeDeclare) -> None:
    """Refuse who may not declare it so. What nobody may declare, the virtual host refuses."""
    vhost, permit, name = channel.wire.vhost, channel.wire.permit, stripped(method.exchange)
    if not name or not vhost.knows_type(method.type):
        return
    permit.exchange(CONFIGURE, name)
    alternate = method.arguments.get(ALTERNATE)
    if name in vhost.exchanges or not isinstance(alternate, str) or name.startswith(RESERVED):
        return
    permit.exchange(READ, name)
    permit.exchange(WRITE, alternate)


def delete_exchange(channel: "Channel", method: ExchangeDelete) -> None:
    """Unmake an exchange; one that is not there is gone, too."""
    name = stripped(method.exchange)
    needs.delete_exchange(channel.wire.permit, name)

    def begin(then: Then) -> Method:
        channel.wire.vhost.delete_exchange(name, if_unused=method.if_unused, then=then)
        return ExchangeDeleteOk()

    channel.answer_later(method, method.nowait, begin)


def bind_exchange(channel: "Channel", method: ExchangeBind) -> None:
    """Let an exchange feed another."""
    _change_feeding(channel, method, channel.wire.vhost.bind, ExchangeBindOk())


def unbind_exchange(channel: "Channel", method: ExchangeUnbind) -> None:
    """Let it feed the other no more."""
    _change_feeding(channel, method, channel.wire.vhost.unbind, ExchangeUnbindOk())


def _change_feeding(
    channel: "Channel", method: ExchangeBind | ExchangeUnbind, verb: Verb, answer: Method
) -> None:
    wire, destination = channel.wire, stripped(method.destination)
    wire.permit.exchange(WRITE, destination)
    if destination:
        needs.source_of_binding(wire.permit, wire.vhost, method.source, method.routing_key)

    def begin(then: Then) -> Method:
        names = method.source, method.destination, method.routing_key
        verb(*names, method.arguments, to_exchange=True, then=then)
        return answer

    channel.answer_later(method, method.nowait, begin)


def declare_queue(channel: "Channel", method: QueueDeclare) -> None:
    """Make a queue, or see that it is there and is the same. Without a name, it gets one."""
    name = stripped(method.queue)
    if name.startswith(direct_reply.PSEUDO_QUEUE):
        _find_reply_queue(channel, method, name)
        return
    if method.passive:
        channel.wire.permit.see("queue", channel.queue_name(name))
        queue = channel.open_queue(name)
        channel.last_queue = queue.name
        answer = QueueDeclareOk(queue.name, queue.ready, queue.consumer_count)
        channel.answer(answer, method.nowait)
        return

    named = _named(channel, name, method)
    _check_queue(channel, method, named)

    def begin(then: Then) -> Method:
        queue = channel.wire.vhost.declare_queue(
            named,
            durable=method.durable,
            owner=channel.wire.owner if method.exclusive else None,
            auto_delete=method.auto_delete,
            arguments={k: v for k, v in method.arguments.items() if k != NAME_PREFIX},
            new_name=not name and named.startswith(GENERATED),
            then=then,
        )
        channel.last_queue = queue.name
        return QueueDeclareOk(queue.name, queue.ready, queue.consumer_count)

    channel.answer_later(method, method.nowait, begin)


def _check_queue(channel: "Channel", method: QueueDeclare, named: str) -> None:
    """Refuse who may not declare it so. What nobody may declare, the virtual host refuses."""
    vhost, permit = channel.wire.vhost, channel.wire.permit
    if stripped(method.queue).startswith(RESERVED):
        return
    permit.queue(CONFIGURE, named)
    dead_letters = method.arguments.get(DEAD_LETTER_EXCHANGE)
    as_it_is = named in vhost.queues and vhost.redeclare is not Redeclare.CHANGE
    if as_it_is or not isinstance(dead_letters, str):
        return
    permit.queue(READ, named)
    permit.exchange(WRITE, dead_letters)


def _named(channel: "Channel", name: str, method: QueueDeclare) -> str:
    """Return the name of a queue to be; clients may say how a name that we make begins."""
    if name:
        return name
    arguments = channel.wire.vhost.completed(
        method.arguments,
        durable=method.durable,
        exclusive=method.exclusive,
        auto_delete=method.auto_delete,
    )
    kind = arguments.get("x-queue-type") or CLASSIC
    if kind != CLASSIC:
        raise PreconditionFailed(
            f"Cannot declare a server-named queue for type rabbit_{kind}_queue"
        )
    prefix = arguments.get(NAME_PREFIX)
    if not isinstance(prefix, str) or not prefix:
        return channel.wire.vhost.new_queue_name()
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
    name = channel.queue_name(method.queue)
    channel.wire.permit.queue(CONFIGURE, stripped(name))

    def begin(then: Then) -> Method:
        count = channel.wire.vhost.delete_queue(
            name,
            owner=channel.wire.owner,
            if_unused=method.if_unused,
            if_empty=method.if_empty,
            then=then,
        )
        return QueueDeleteOk(count)

    channel.answer_later(method, method.nowait, begin)


def purge_queue(channel: "Channel", method: QueuePurge) -> None:
    """Settle all that waits in a queue."""
    channel.wire.permit.queue(READ, channel.queue_name(method.queue))
    count = channel.open_queue(method.queue).purge()
    channel.answer(QueuePurgeOk(count), method.nowait)


def bind_queue(channel: "Channel", method: QueueBind) -> None:
    """Let an exchange feed a queue."""
    verb = channel.wire.vhost.bind
    _change_bound(channel, method, verb, QueueBindOk(), nowait=method.nowait)


def unbind_queue(channel: "Channel", method: QueueUnbind) -> None:
    """Let an exchange feed a queue no more."""
    verb = channel.wire.vhost.unbind
    _change_bound(channel, method, verb, QueueUnbindOk(), nowait=False)


def _change_bound(
    channel: "Channel",
    method: QueueBind | QueueUnbind,
    verb: Verb,
    answer: Method,
    *,
    nowait: bool,
) -> None:
    name, key = _bound_queue(channel, method.queue, method.routing_key)
    _check_bound(channel, name, method.exchange, key)

    def begin(then: Then) -> Method:
        owner = channel.wire.owner
        verb(method.exchange, name, key, method.arguments, owner=owner, then=then)
        return answer

    channel.answer_later(method, nowait, begin)


def _bound_queue(channel: "Channel", queue: str, key: str) -> tuple[str, str]:
    """Return queue and key as they are meant: both empty is the last declared queue, twice."""
    name = channel.queue_name(queue)
    return name, key if queue or key else name


def _check_bound(channel: "Channel", queue: str, source: str, key: str) -> None:
    queue = stripped(queue)
    if not queue.startswith(direct_reply.PSEUDO_QUEUE):
        channel.wire.permit.queue(WRITE, queue)
        needs.source_of_binding(channel.wire.permit, channel.wire.vhost, source, key)


def _not_default(name: str) -> str:
    if not name:
        raise NotAllowed("operation not permitted on the default exchange")
    return name

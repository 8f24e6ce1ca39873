"""What tests of virtual hosts say: messages out, messages in."""

from collections.abc import Mapping
from typing import Any

from anymq.core.message import Envelope, Message, Properties, Run
from anymq.core.routing.target import Then
from anymq.core.vhosts.vhost import VirtualHost
from anymq.protocols.amqp.properties import AMQP_FORM

NOW_MS = 1_700_000_000_000


def message(
    exchange: str = "",
    key: str = "",
    body: bytes = b"hello",
    *,
    persistent: bool = True,
    headers: Mapping[str, Any] | None = None,
    **properties: Any,
) -> Message:
    """Return a message as a client publishes it."""
    said = Properties(headers=headers or {}, delivery_mode=2 if persistent else None, **properties)
    return Message(Envelope(exchange, key, AMQP_FORM), AMQP_FORM.write(said), body, NOW_MS)


def run_of(*messages: Message) -> Run:
    """Return these as one run."""
    first = messages[0].envelope
    together = [one._replace(envelope=first) for one in messages]
    return Run(together, persistent=any(one.traits.persistent for one in together))


def publish(
    vhost: VirtualHost,
    exchange: str,
    key: str,
    body: bytes = b"hello",
    then: Then | None = None,
    **said: Any,
) -> bool:
    """Publish one message."""
    return vhost.publish(run_of(message(exchange, key, body, **said)), then)


def waiting(vhost: VirtualHost, queue: str) -> list[Message]:
    """Return what waits in a queue, in its order."""
    found = vhost.queue(queue)
    return [one.message for one in found.browse(0, 1000)]  # type: ignore[attr-defined]


def bodies(vhost: VirtualHost, queue: str) -> list[bytes]:
    """Return the bodies of what waits in a queue."""
    return [one.body for one in waiting(vhost, queue)]

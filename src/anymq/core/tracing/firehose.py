"""Firehose: messages about messages, for the exchange `amq.rabbitmq.trace`, as RabbitMQ makes them.

The routing key is `publish.EXCHANGE` or `deliver.QUEUE`, the body that of the message, and the
headers say the rest.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from anymq.core.message import Envelope, Message, Properties
from anymq.core.taps import Origin
from anymq.core.tracing.events import read

EXCHANGE = "amq.rabbitmq.trace"
PUBLISH, DELIVER = "publish", "deliver"
_PROPERTIES = tuple(one.name for one in fields(Properties))


def about_publish(
    message: Message, queues: Sequence[str], vhost: str, node: str, who: Origin
) -> Message:
    """Return what is told of a message that was published."""
    key = f"{PUBLISH}.{message.envelope.exchange}"
    said = {**_whence(vhost, who), "routed_queues": list(queues)}
    return _about(message, key, node, said)


def about_delivery(
    message: Message, queue: str, vhost: str, node: str, who: Origin, *, redelivered: bool
) -> Message:
    """Return what is told of a message that was delivered."""
    said = {"redelivered": int(redelivered), **_whence(vhost, who)}
    return _about(message, f"{DELIVER}.{queue}", node, said)


def _whence(vhost: str, who: Origin) -> dict[str, Any]:
    return {
        "vhost": vhost,
        "connection": who.connection,
        "channel": who.channel,
        "user": who.user,
    }


def _about(message: Message, key: str, node: str, said: dict[str, Any]) -> Message:
    old = message.envelope
    properties = read(message)
    headers: dict[str, Any] = {
        "exchange_name": old.exchange,
        "routing_keys": [old.routing_key, *_copies(properties)],
        "properties": {
            name: value
            for name in _PROPERTIES
            if (value := getattr(properties, name)) not in (None, {})
        },
        "node": node,
        **said,
    }
    envelope = Envelope(EXCHANGE, key, old.form)
    written = old.form.write(Properties(headers=headers))
    return Message(envelope, written, message.body, message.timestamp_ms)


def _copies(properties: Properties) -> list[str]:
    copies = properties.headers.get("CC")
    return [key for key in copies if isinstance(key, str)] if isinstance(copies, list) else []

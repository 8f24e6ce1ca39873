"""Rows of messages: how one that was looked at is shown."""

import base64
from typing import Any

from anymq.core.browsing.places import text_of
from anymq.core.message import Message, Properties
from anymq.core.queues.delivery import Seen
from anymq.management.api.values import to_json

PROPERTIES = tuple(name for name in Properties.__dataclass_fields__ if name != "headers")
AUTO, BASE64 = "auto", "base64"


def seen_row(
    seen: Seen, *, consumed: bool, truncate: int | None, encoding: str, size: int | None = None
) -> dict[str, Any]:
    """Show a message in its place. `size`: of its body, if that was cut already."""
    state = ("ready" if seen.ready else "unacked") if consumed else "stored"
    return {
        "position": text_of(seen.position),
        "timestamp": seen.message.timestamp_ms,
        "state": state,
        "redelivered": seen.redelivered,
        "returns": seen.returns,
        **message_row(seen.message, truncate=truncate, encoding=encoding, size=size),
    }


def message_row(
    message: Message, *, truncate: int | None, encoding: str, size: int | None = None
) -> dict[str, Any]:
    """Show what a message says."""
    said = message.read()
    body = message.body if truncate is None else message.body[:truncate]
    size = len(message.body) if size is None else size
    payload, how = _payload(body, encoding, cut=len(body) < size)
    properties = {name: to_json(getattr(said, name)) for name in PROPERTIES}
    return {
        "exchange": message.envelope.exchange,
        "routing_key": message.envelope.routing_key,
        "properties": {name: one for name, one in properties.items() if one is not None},
        "headers": to_json(said.headers),
        "payload": payload,
        "payload_encoding": how,
        "payload_bytes": size,
    }


def _payload(body: bytes, encoding: str, *, cut: bool) -> tuple[str, str]:
    if encoding == AUTO:
        try:
            return body.decode(), "string"
        except UnicodeDecodeError as error:
            if cut and error.start >= len(body) - 3:  # in the middle of a letter
                return body[: error.start].decode(), "string"
    return base64.b64encode(body).decode(), BASE64

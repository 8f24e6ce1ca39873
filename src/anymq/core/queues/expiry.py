"""Expiry: when a message is too old."""

from anymq.core.message import Message


def due_ms(message: Message, ttl_ms: int | None) -> int | None:
    """Return when it expires: by its own time or the queue's, whichever is shorter."""
    own_ms = message.traits.expiration_ms
    if own_ms is None:
        return None if ttl_ms is None else message.timestamp_ms + ttl_ms
    return message.timestamp_ms + (own_ms if ttl_ms is None else min(own_ms, ttl_ms))

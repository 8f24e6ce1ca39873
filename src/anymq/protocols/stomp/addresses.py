"""Where an answer goes: `reply-to` as STOMP says it, and as every other protocol does.

To the others a queue is its name, and what goes to an exchange is `/exchanges/E/KEY`.
"""

from urllib.parse import quote, unquote

from anymq.protocols.stomp.destinations import (
    PREFIXES,
    REPLY_QUEUE,
    BadDestination,
    Kind,
    parse,
    text_of,
)

_EXCHANGES = "/exchanges/"


def reply_to_of(text: str) -> str:
    """Return a destination in the words of all protocols."""
    try:
        place = parse(text)
    except BadDestination:
        return text
    if place.is_queue:
        return place.name
    if place.kind is Kind.TEMP_QUEUE:
        return text
    return f"{_EXCHANGES}{quote(place.exchange, safe='')}/{quote(place.routing_key, safe='')}"


def address_of(reply_to: str) -> str:
    """Return what a client of STOMP sends its answer to. RabbitMQ's rule: a name is a queue's."""
    if reply_to.startswith(_EXCHANGES):
        exchange, _, key = reply_to[len(_EXCHANGES) :].partition("/")
        return text_of(unquote(exchange), unquote(key))
    if reply_to.startswith(PREFIXES):
        return reply_to
    return REPLY_QUEUE + reply_to

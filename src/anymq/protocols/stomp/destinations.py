"""Destinations: what is behind the header of that name, as RabbitMQ means it.

`%2F` in a name is a slash; what we write has `%25` for a percent sign, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from anymq.core.errors import Refused

TOPIC_EXCHANGE = "amq.topic"
DEFAULT_EXCHANGE = ""
REPLY_QUEUE = "/reply-queue/"
TEMP_QUEUE = "/temp-queue/"


class Kind(Enum):
    """The types of destinations."""

    QUEUE = "queue"  # it is made when it is not there
    TOPIC = "topic"
    EXCHANGE = "exchange"
    AMQ_QUEUE = "amqqueue"  # it must be there
    REPLY_QUEUE = "reply_queue"
    TEMP_QUEUE = "temp_queue"  # only in `reply-to`


PREFIXES = (
    *("/temp-queue", "/exchange", "/topic", "/queue", "/amq/queue"),
    REPLY_QUEUE,
)


class BadDestination(Refused):
    """There is no such place. `title` is what the ERROR frame says first."""

    def __init__(self, title: str, text: str) -> None:
        super().__init__(text)
        self.title = title


@dataclass(frozen=True, slots=True)
class Destination:
    """A place."""

    kind: Kind
    name: str  # of the queue, or the key of the topic
    exchange: str = DEFAULT_EXCHANGE

    @property
    def routing_key(self) -> str:
        """With which key messages go to the exchange."""
        return self.name

    @property
    def is_queue(self) -> bool:
        """Does it name a queue?"""
        return self.kind in (Kind.QUEUE, Kind.AMQ_QUEUE, Kind.REPLY_QUEUE)


def parse(text: str) -> Destination:
    """Read a destination; BadDestination in RabbitMQ's words."""
    if text.startswith(REPLY_QUEUE):  # its name may have slashes
        return _named(Kind.REPLY_QUEUE, [text[len(REPLY_QUEUE) :]])
    parts = text.split("/")
    if len(parts) == 1:
        return Destination(Kind.QUEUE, _checked_blank(_unescaped(text)))
    match parts:
        case ["", "queue", *rest]:
            return _named(Kind.QUEUE, rest)
        case ["", "topic", *rest]:
            return _named(Kind.TOPIC, rest)
        case ["", "exchange", *rest]:
            return _exchange(rest)
        case ["", "amq", "queue", *rest]:
            return _named(Kind.AMQ_QUEUE, rest)
        case ["", "temp-queue", *rest]:
            return _named(Kind.TEMP_QUEUE, rest)
    known = ", ".join(PREFIXES)
    raise BadDestination(
        "Unknown destination",
        f"'{text}' is not a valid destination.\nValid destination types are: {known}.\n",
    )


def text_of(exchange: str, routing_key: str) -> str:
    """Return the destination of a message that was published so."""
    key = escaped(routing_key)
    if not exchange:
        return f"/queue/{key}"
    if exchange == TOPIC_EXCHANGE:
        return f"/topic/{key}"
    place = f"/exchange/{escaped(exchange)}"
    return f"{place}/{key}" if key else place


def escaped(name: str) -> str:
    """Return a name so that it is one part of a destination.

    RabbitMQ writes every byte beyond ASCII as `%XX`, which it does not read again: we leave them.
    """
    return name.replace("%", "%25").replace("/", "%2F")


def _unescaped(name: str) -> str:
    return "%".join(part.replace("%2F", "/") for part in name.split("%25"))


def _named(kind: Kind, rest: Sequence[str]) -> Destination:
    if len(rest) != 1 or not rest[0]:
        raise _invalid(kind, rest)
    name = rest[0] if kind is Kind.REPLY_QUEUE else _unescaped(rest[0])
    return Destination(kind, name, TOPIC_EXCHANGE if kind is Kind.TOPIC else DEFAULT_EXCHANGE)


def _exchange(rest: Sequence[str]) -> Destination:
    if not 1 <= len(rest) <= 2 or not rest[0]:
        raise _invalid(Kind.EXCHANGE, rest)
    key = _unescaped(rest[1]) if len(rest) == 2 else ""
    return Destination(Kind.EXCHANGE, key, _unescaped(rest[0]))


def _checked_blank(name: str) -> str:
    if not name:
        raise BadDestination("Invalid destination", "Destination cannot be blank")
    return name


def _invalid(kind: Kind, rest: Sequence[str]) -> BadDestination:
    content = "/" + "/".join(rest) if rest else ""
    return BadDestination(
        "Invalid destination", f"'{content}' is not a valid {kind.value} destination\n"
    )

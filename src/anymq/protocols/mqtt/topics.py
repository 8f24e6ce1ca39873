"""Topics: names and filters of MQTT, and what they are among AMQP's routing keys.

The address of MQTT's `sensors/1` is AMQP's `sensors.1`: `/` and `.` change places, and so do `+`
and `*`, so that the way back is exact.
"""

from typing import NamedTuple
from urllib.parse import quote, unquote

from anymq.core.errors import Invalid

EXCHANGE = "amq.topic"
QUEUE_PREFIX = "$queue/"  # a queue by its name: to publish to, and to consume from
SHARE_PREFIX = "$share/"
SYS_PREFIX = "$SYS/"  # figures of the broker, see sys_tree.py
REPLY_PREFIX = f"/exchanges/{EXCHANGE}/"  # AMQP's reply-to for a response topic, as RabbitMQ has it
LEVELS_MAX = 200
NAME_BYTES_MAX = 65_535

_SWAP = str.maketrans("/.+*", "./*+")


class Shared(NamedTuple):
    """What a shared subscription names."""

    group: str
    filter: str


def swapped(name: str) -> str:
    """Return MQTT's name or filter as AMQP's key, and the reverse."""
    return name.translate(_SWAP)


def check_name(name: str) -> None:
    """Refuse what cannot be published to."""
    if not name:
        raise Invalid("a topic has no name")
    if "+" in name or "#" in name:
        raise Invalid("a topic to publish to has wildcards")
    _check_levels(name)


def check_filter(name: str) -> None:
    """Refuse what cannot be subscribed to."""
    if not name:
        raise Invalid("a filter is empty")
    _check_levels(name)
    levels = name.split("/")
    for place, level in enumerate(levels, 1):
        if level == "#" and place == len(levels):
            continue
        if level != "+" and ("+" in level or "#" in level):
            raise Invalid(f"filter {name!r}: a wildcard is a level of its own, # the last one")


def shared(name: str) -> Shared | None:
    """Return what a filter shares with others, if it does; refuse one that is no good."""
    if not name.startswith(SHARE_PREFIX):
        return None
    group, slash, rest = name[len(SHARE_PREFIX) :].partition("/")
    if not group or not slash or "+" in group or "#" in group:
        raise Invalid(f"filter {name!r} is not $share/GROUP/FILTER")
    check_filter(rest)
    return Shared(group, rest)


def is_shared(name: str) -> bool:
    """Is this a shared subscription?"""
    return name.startswith(SHARE_PREFIX)


def queue_of(name: str) -> str | None:
    """Return the queue that a topic or filter names; None: it names none."""
    return name[len(QUEUE_PREFIX) :] if name.startswith(QUEUE_PREFIX) else None


def is_own(name: str) -> bool:
    """Does what a filter asks for come to the client's own queue?"""
    return not name.startswith((SHARE_PREFIX, QUEUE_PREFIX))


def is_sys(name: str) -> bool:
    """Is this a topic or filter for figures of the broker?"""
    return name.startswith(SYS_PREFIX)


def matches(filter_: str, name: str) -> bool:
    """Is a topic among those that a filter asks for? For few: routing has a trie."""
    wanted, levels = filter_.split("/"), name.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)


def begins_with_wildcard(name: str) -> bool:
    """Does it match any first level? Then it does not match topics that begin with $."""
    return name[:1] in ("+", "#")


def name_of(key: str) -> str | None:
    """Return the topic of a routing key; None when MQTT has no such name."""
    name = swapped(key)
    if not name or "+" in name or "#" in name or "\0" in name:
        return None
    try:
        return name if len(name.encode()) <= NAME_BYTES_MAX else None
    except UnicodeEncodeError:
        return None


def reply_to_of(topic: str) -> str:
    """Return AMQP's reply-to for a response topic."""
    if topic.startswith(QUEUE_PREFIX):
        return topic[len(QUEUE_PREFIX) :]
    return REPLY_PREFIX + quote(swapped(topic), safe="")


def response_topic_of(reply_to: str) -> str | None:
    """Return the response topic for AMQP's reply-to: of a queue, `$queue/` and its name."""
    if not reply_to.startswith(REPLY_PREFIX):
        return f"{QUEUE_PREFIX}{reply_to}" if name_of(swapped(reply_to)) else None
    return name_of(unquote(reply_to[len(REPLY_PREFIX) :]))


def _check_levels(name: str) -> None:
    if name.count("/") >= LEVELS_MAX or name.count(".") >= LEVELS_MAX:
        raise Invalid(f"a topic of more than {LEVELS_MAX} levels")

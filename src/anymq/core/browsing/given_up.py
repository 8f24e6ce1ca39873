"""Given up: messages that a group of RocketMQ's consumers could not deal with, however often it
tried. They lie in the topic `%DLQ%<group>`, and say in a header from which topic they came.

Who sends one back gives it to that group again: in its retry topic, where no other group sees it.
"""

from typing import NamedTuple

from anymq.core.message import Message

GRAVES, RETRIES = "%DLQ%", "%RETRY%"  # topics of groups
HEADER = "RETRY_TOPIC"


class GivenUp(NamedTuple):
    """Where a message came from."""

    topic: str
    retry_topic: str  # of the group that gave it up


def is_grave(topic: str) -> bool:
    """Is this a topic of messages that were given up?"""
    return topic.startswith(GRAVES)


def given_up(message: Message) -> GivenUp | None:
    """Return where a message came from that lies in such a topic; None when it does not."""
    lies_in = message.envelope.routing_key
    if message.envelope.exchange or not is_grave(lies_in):
        return None
    topic = message.read().headers.get(HEADER)
    if not isinstance(topic, str):
        return None
    return GivenUp(topic, RETRIES + lies_in.removeprefix(GRAVES))

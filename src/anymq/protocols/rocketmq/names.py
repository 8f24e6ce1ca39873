"""What topics and groups may be called, and the names that mean something."""

import re
from functools import lru_cache

from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest, RocketMqError

RETRY, DLQ = "%RETRY%", "%DLQ%"
AUTO_CREATE = "TBW102"  # whose route a producer asks for when a topic is not there
TRACE = "RMQ_SYS_TRACE_TOPIC"  # an ordinary topic
REMEMBERED_MAX = 5000
TOPIC_MAX, GROUP_MAX, OF_GROUP_MAX = 127, 120, 255
# Of RocketMQ's own state: ours is elsewhere, and nobody may write there.
RESERVED = frozenset(
    (
        *("SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC"),
        *("TRANS_CHECK_MAX_TIME_TOPIC", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT", AUTO_CREATE),
        *("rmq_sys_wheel_timer", "CHECKPOINT_TOPIC", "BenchmarkTest"),
    )
)
_LEGAL = re.compile(r"[%|a-zA-Z0-9._-]+")  # a dot is Kafka's


def retry_topic(group: str) -> str:
    """Return where messages go that a group could not deal with."""
    return RETRY + group


def dead_letter_topic(group: str) -> str:
    """Return where messages go that a group never could deal with."""
    return DLQ + group


def is_of_group(topic: str) -> bool:
    """Does a topic belong to a group?"""
    return topic.startswith((RETRY, DLQ))


def check_topic(name: str) -> None:
    """Refuse a name that no topic has."""
    if not name or _LEGAL.fullmatch(name) is None:
        raise BadRequest(
            f"The specified topic: {name[:TOPIC_MAX]}, contains illegal characters, allowing only"
            " ^[%|a-zA-Z0-9._-]+$"
        )
    longest = OF_GROUP_MAX if is_of_group(name) else TOPIC_MAX
    if len(name) > longest:
        raise BadRequest(
            f"The specified topic: {name[:TOPIC_MAX]}…, is longer than topic max length: {longest}"
        )


@lru_cache(REMEMBERED_MAX)
def check_sendable(name: str) -> None:
    """Refuse a topic to which no client sends. Those that pass are remembered: every send asks."""
    check_topic(name)
    if name in RESERVED:
        raise RocketMqError(
            ResponseCode.NO_PERMISSION, f"Sending message to topic[{name}] is forbidden."
        )


def check_group(name: str) -> None:
    """Refuse a name that no group has."""
    if not name or len(name) > OF_GROUP_MAX or _LEGAL.fullmatch(name) is None:
        raise BadRequest(f"The specified group: {name[:GROUP_MAX]!r} is no name of a group")

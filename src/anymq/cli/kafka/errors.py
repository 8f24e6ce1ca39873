"""What can go wrong between a tool and a broker; each is one line for the person who waits."""

from anymq.cli.errors import CommandFailed
from anymq.protocols.kafka.error_codes import ErrorCode


class CannotConnect(CommandFailed):
    """Nobody is there, or nobody who speaks Kafka."""


class ConnectionLost(CommandFailed):
    """The broker was there and has gone, or does not answer."""


class LoginFailed(CommandFailed):
    """The broker does not let us in."""


class RequestRefused(CommandFailed):
    """The broker said no; `code` says why, in Kafka's words."""

    def __init__(self, code: ErrorCode, text: str) -> None:
        super().__init__(text)
        self.code = code


RETRIABLE = frozenset(
    {
        ErrorCode.CORRUPT_MESSAGE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.LEADER_NOT_AVAILABLE,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.REQUEST_TIMED_OUT,
        ErrorCode.REPLICA_NOT_AVAILABLE,
        ErrorCode.NETWORK_EXCEPTION,
        ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        ErrorCode.COORDINATOR_NOT_AVAILABLE,
        ErrorCode.NOT_COORDINATOR,
        ErrorCode.NOT_ENOUGH_REPLICAS,
        ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode.NOT_CONTROLLER,
        ErrorCode.KAFKA_STORAGE_ERROR,
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
        ErrorCode.OFFSET_NOT_AVAILABLE,
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.THROTTLING_QUOTA_EXCEEDED,
    }
)

TEXTS = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: "there is no such topic or partition",
    ErrorCode.TOPIC_AUTHORIZATION_FAILED: "not allowed on this topic",
    ErrorCode.GROUP_AUTHORIZATION_FAILED: "not allowed on this group",
    ErrorCode.CLUSTER_AUTHORIZATION_FAILED: "not allowed on this cluster",
    ErrorCode.GROUP_ID_NOT_FOUND: "there is no such group",
    ErrorCode.NON_EMPTY_GROUP: "the group has members: stop them first",
    ErrorCode.UNKNOWN_MEMBER_ID: "the group has members: stop them first",
    ErrorCode.MESSAGE_TOO_LARGE: "the message is larger than max.message.bytes of the topic",
    ErrorCode.OFFSET_OUT_OF_RANGE: "there is nothing at this offset",
    ErrorCode.SASL_AUTHENTICATION_FAILED: "wrong user name or password",
    ErrorCode.KAFKA_STORAGE_ERROR: "the broker cannot write: is its disk full?",
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC: "members of the group read this topic: stop them first",
    ErrorCode.TOPIC_ALREADY_EXISTS: "there is a topic of this name",
    ErrorCode.INVALID_RECORD: "the topic does not take such a message (a compacted one needs keys)",
}


def error_code(number: int) -> ErrorCode:
    """Return the code; what is newer than this table is an unknown error."""
    try:
        return ErrorCode(number)
    except ValueError:
        return ErrorCode.UNKNOWN_SERVER_ERROR


def error_text(number: int, message: str | None = None) -> str:
    """Say what the broker said, in its words when it gave some."""
    code = error_code(number)
    return message or TEXTS.get(code) or code.name.lower().replace("_", " ")


def check(number: int, message: str | None = None, about: str = "") -> None:
    """Raise RequestRefused when the code is an error; `about` is what it concerns."""
    if number:
        text = error_text(number, message)
        raise RequestRefused(error_code(number), f"{about}: {text}" if about else text)

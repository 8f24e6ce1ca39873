"""Broker errors to Kafka's error codes: the one table."""

from typing import Protocol

from anymq.core import errors as core
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.storage import errors as storage


class Entry(Protocol):
    """The part of a response that tells how one thing went."""

    error_code: int
    error_message: str | None


_CODES: dict[type[Exception], ErrorCode] = {
    core.NotFound: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    core.NotAllowed: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    core.Conflict: ErrorCode.TOPIC_ALREADY_EXISTS,
    core.TooLarge: ErrorCode.MESSAGE_TOO_LARGE,
    core.Invalid: ErrorCode.INVALID_REQUEST,
    core.Unavailable: ErrorCode.KAFKA_STORAGE_ERROR,
    storage.CorruptBatch: ErrorCode.CORRUPT_MESSAGE,
    storage.OffsetOutOfRange: ErrorCode.OFFSET_OUT_OF_RANGE,
    storage.LogDeleted: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    storage.StorageError: ErrorCode.KAFKA_STORAGE_ERROR,
}


def code_of(error: Exception) -> ErrorCode:
    """Return the code of what was refused: its own, or that of what it is a kind of."""
    for kind in type(error).__mro__:
        if (code := _CODES.get(kind)) is not None:
            return code
    return ErrorCode.UNKNOWN_SERVER_ERROR


def refuse(entry: Entry, code: ErrorCode, why: str | None = None) -> None:
    """Write into an answer that it was not done."""
    entry.error_code = code
    entry.error_message = why


def explain(entry: Entry, error: Exception) -> None:
    """Write into an answer what went wrong."""
    refuse(entry, code_of(error), str(error) or None)


def epoch_error(theirs: int, ours: int) -> ErrorCode:
    """Compare the leader epoch a client knows with ours."""
    if theirs in (-1, ours):
        return ErrorCode.NONE
    return ErrorCode.FENCED_LEADER_EPOCH if theirs < ours else ErrorCode.UNKNOWN_LEADER_EPOCH

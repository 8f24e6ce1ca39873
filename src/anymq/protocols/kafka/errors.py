"""Broker errors to Kafka's error codes: the one table."""

from typing import Protocol

from anymq.core import errors as core
from anymq.core.shares import words as shares
from anymq.core.streams import errors as streams
from anymq.core.streams.group_calls import GroupError
from anymq.protocols.kafka import placement
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.storage import errors as storage


class Entry(Protocol):
    """The part of a response that tells how one thing went."""

    error_code: int


class Unauthorized(core.NotAllowed):
    """This user may not do this to that: as Kafka says it, without saying what there is."""


class TopicUnauthorized(Unauthorized):
    """Not to this topic."""


class GroupUnauthorized(Unauthorized):
    """Not to this group."""


class ClusterUnauthorized(Unauthorized):
    """Not to the cluster."""


class TransactionUnauthorized(Unauthorized):
    """Not with this transactional id."""


class ShareSessionNotFound(core.NotFound):
    """The connection was lost, or we were started again: the member begins anew."""


class InvalidShareSessionEpoch(core.Refused):
    """The member and we do not agree on where its session stands."""


class ShareSessionLimitReached(core.Refused):
    """There are as many share sessions as there may be."""


_CODES: dict[type[Exception], ErrorCode] = {
    core.NotFound: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    core.NotAllowed: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    TopicUnauthorized: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    GroupUnauthorized: ErrorCode.GROUP_AUTHORIZATION_FAILED,
    ClusterUnauthorized: ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
    TransactionUnauthorized: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    core.Conflict: ErrorCode.TOPIC_ALREADY_EXISTS,
    core.TooLarge: ErrorCode.MESSAGE_TOO_LARGE,
    core.Invalid: ErrorCode.INVALID_REQUEST,
    core.Unavailable: ErrorCode.KAFKA_STORAGE_ERROR,
    core.Rejected: ErrorCode.POLICY_VIOLATION,  # by a queue that is full, and told to refuse
    core.Locked: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    streams.InvalidName: ErrorCode.INVALID_TOPIC_EXCEPTION,
    streams.InvalidPartitions: ErrorCode.INVALID_PARTITIONS,
    streams.InvalidConfig: ErrorCode.INVALID_CONFIG,
    streams.InvalidRecord: ErrorCode.INVALID_RECORD,
    streams.InvalidTimestamp: ErrorCode.INVALID_TIMESTAMP,
    streams.UnsupportedCompression: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
    streams.OutOfOrderSequence: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    streams.InvalidProducerEpoch: ErrorCode.INVALID_PRODUCER_EPOCH,
    streams.UnknownProducer: ErrorCode.UNKNOWN_PRODUCER_ID,
    streams.PolicyViolation: ErrorCode.POLICY_VIOLATION,
    streams.UnknownTopicId: ErrorCode.UNKNOWN_TOPIC_ID,
    shares.UnknownMember: ErrorCode.UNKNOWN_MEMBER_ID,
    shares.FencedMember: ErrorCode.FENCED_MEMBER_EPOCH,
    shares.GroupFull: ErrorCode.GROUP_MAX_SIZE_REACHED,
    shares.GroupNotFound: ErrorCode.GROUP_ID_NOT_FOUND,
    shares.GroupInUse: ErrorCode.NON_EMPTY_GROUP,
    shares.NotHeld: ErrorCode.INVALID_RECORD_STATE,
    ShareSessionNotFound: ErrorCode.SHARE_SESSION_NOT_FOUND,
    InvalidShareSessionEpoch: ErrorCode.INVALID_SHARE_SESSION_EPOCH,
    ShareSessionLimitReached: ErrorCode.SHARE_SESSION_LIMIT_REACHED,
    placement.InvalidReplicationFactor: ErrorCode.INVALID_REPLICATION_FACTOR,
    placement.InvalidAssignment: ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
    # Nobody was ever given a transactional id, so nobody may write with one.
    streams.TransactionsUnsupported: ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    storage.CorruptBatch: ErrorCode.CORRUPT_MESSAGE,
    storage.OffsetOutOfRange: ErrorCode.OFFSET_OUT_OF_RANGE,
    storage.LogDeleted: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    storage.StorageError: ErrorCode.KAFKA_STORAGE_ERROR,
}

_GROUP_CODES: dict[GroupError, ErrorCode] = {
    GroupError.UNKNOWN_MEMBER: ErrorCode.UNKNOWN_MEMBER_ID,
    GroupError.MEMBER_ID_REQUIRED: ErrorCode.MEMBER_ID_REQUIRED,
    GroupError.ILLEGAL_GENERATION: ErrorCode.ILLEGAL_GENERATION,
    GroupError.REBALANCE_IN_PROGRESS: ErrorCode.REBALANCE_IN_PROGRESS,
    GroupError.FENCED_INSTANCE: ErrorCode.FENCED_INSTANCE_ID,
    GroupError.INCONSISTENT_PROTOCOL: ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    GroupError.GROUP_FULL: ErrorCode.GROUP_MAX_SIZE_REACHED,
    # Kafka knows no such limit; this is the one that clients give up on, with a word about size.
    GroupError.TOO_MANY_GROUPS: ErrorCode.GROUP_MAX_SIZE_REACHED,
    GroupError.TOO_LARGE: ErrorCode.UNKNOWN_SERVER_ERROR,  # Kafka's answer, too
    GroupError.INVALID_SESSION_TIMEOUT: ErrorCode.INVALID_SESSION_TIMEOUT,
    GroupError.INVALID_GROUP_ID: ErrorCode.INVALID_GROUP_ID,
    GroupError.NON_EMPTY: ErrorCode.NON_EMPTY_GROUP,
    GroupError.NOT_FOUND: ErrorCode.GROUP_ID_NOT_FOUND,
    GroupError.METADATA_TOO_LARGE: ErrorCode.OFFSET_METADATA_TOO_LARGE,
    GroupError.SUBSCRIBED_TO_TOPIC: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
    GroupError.UNAVAILABLE: ErrorCode.COORDINATOR_NOT_AVAILABLE,
}


class InvalidRequest(core.Invalid):
    """It is well formed, and contradicts itself or the protocol's rules."""


def code_of(error: Exception) -> ErrorCode:
    """Return the code of what was refused: its own, or that of what it is a kind of."""
    for kind in type(error).__mro__:
        if (code := _CODES.get(kind)) is not None:
            return code
    return ErrorCode.UNKNOWN_SERVER_ERROR


def group_code(error: GroupError | None) -> ErrorCode:
    """Return the code of what a group refused."""
    return ErrorCode.NONE if error is None else _GROUP_CODES[error]


def refuse(entry: Entry, code: ErrorCode, why: str | None = None) -> None:
    """Write into an answer that it was not done, and why where the answer has room for words."""
    entry.error_code = code
    if hasattr(entry, "error_message"):
        entry.error_message = why


def explain(entry: Entry, error: Exception) -> None:
    """Write into an answer what went wrong."""
    refuse(entry, code_of(error), str(error) or None)


def epoch_error(theirs: int, ours: int) -> ErrorCode:
    """Compare the leader epoch a client knows with ours."""
    if theirs in (-1, ours):
        return ErrorCode.NONE
    return ErrorCode.FENCED_LEADER_EPOCH if theirs < ours else ErrorCode.UNKNOWN_LEADER_EPOCH

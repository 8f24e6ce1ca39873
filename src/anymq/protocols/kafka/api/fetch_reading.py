"""What a fetch finds in one partition."""

from uuid import UUID

from anymq.core.broker import Broker
from anymq.core.errors import NotFound
from anymq.core.rights.access import Access
from anymq.core.rights.operations import Kind, Operation
from anymq.core.shares.queue_view import Packed, QueueAsTopic, QueueView
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic import Topic
from anymq.protocols.kafka import errors
from anymq.protocols.kafka.api.fetch_response import PartitionAnswer
from anymq.protocols.kafka.api.fetch_sessions import Key, Wanted
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.storage.batch import LENGTH_END
from anymq.storage.errors import OffsetOutOfRange, StorageError
from anymq.storage.files import FileRange

ZSTD = 4
ZSTD_SINCE = 10
STORAGE_ERROR_SINCE = 6


def find_topic(broker: Broker, key: Key) -> Topic | QueueAsTopic:
    """Return the topic, or queue, that the client names, by its id or its name."""
    topic = key[0]
    try:
        return broker.topic_by_id(topic) if isinstance(topic, UUID) else broker.topic(str(topic))
    except NotFound:
        return broker.shares.spots.readable(topic)


def read(
    broker: Broker,
    access: Access,
    key: Key,
    wanted: Wanted,
    left: int,
    version: int,
    *,
    first: bool,
) -> tuple[PartitionAnswer, Partition | QueueView | None]:
    """Return what is there, and where more will come.

    `left` is how many bytes still fit into the answer; `first`: it has no records yet, so that one
    batch comes whole, however small the limits: else a reader of big batches would never get on.
    """
    by_id = isinstance(key[0], UUID)
    if not (by_id or access.may(Operation.READ, Kind.TOPIC, str(key[0]))):
        return PartitionAnswer(key[1], ErrorCode.TOPIC_AUTHORIZATION_FAILED), None
    try:
        topic = find_topic(broker, key)
        partition = topic.partition(key[1])
    except NotFound as error:
        return PartitionAnswer(key[1], errors.code_of(error)), None
    if by_id and not access.may(Operation.READ, Kind.TOPIC, topic.name):
        return PartitionAnswer(key[1], ErrorCode.TOPIC_AUTHORIZATION_FAILED), None
    error_code = errors.epoch_error(wanted.leader_epoch, partition.leader_epoch)
    taps = topic.taps if isinstance(topic, Topic) else None
    if version < ZSTD_SINCE and isinstance(topic, Topic) and topic.config.compression == ZSTD:
        error_code = ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    if error_code is not ErrorCode.NONE:
        return PartitionAnswer(key[1], error_code), partition
    said = PartitionAnswer(key[1], ErrorCode.NONE, partition.visible_end, partition.start)
    try:
        said.records = read_batches(partition, wanted, left, first=first)
        said.tap = None if taps is None else taps.tap
    except OffsetOutOfRange:
        said = PartitionAnswer(key[1], ErrorCode.OFFSET_OUT_OF_RANGE)
    except StorageError:
        # Older clients know this error only as "look for the leader again".
        known = version >= STORAGE_ERROR_SINCE
        code = ErrorCode.KAFKA_STORAGE_ERROR if known else ErrorCode.NOT_LEADER_OR_FOLLOWER
        said = PartitionAnswer(key[1], code)
    return said, partition


def read_batches(
    partition: Partition | QueueView, wanted: Wanted, left: int, *, first: bool
) -> FileRange | Packed | None:
    """Return the batches from the wanted offset on that fit, or at least one if it is the first."""
    bytes_max = max(0, min(wanted.bytes_max, left))
    found = partition.read(wanted.offset, bytes_max, at_least_one=first)
    if not isinstance(found, FileRange) or first or found.size < bytes_max:
        return found
    # It was cut. Clients take part of a batch at the end, but not part of one and nothing else.
    return found if _starts_with_whole_batch(found) else None


def _starts_with_whole_batch(found: FileRange) -> bool:
    if found.size < LENGTH_END:
        return False
    start = found.file.pread(LENGTH_END, found.position)
    return int.from_bytes(start[8:], "big") + LENGTH_END <= found.size

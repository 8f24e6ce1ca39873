"""definition.proto of `apache.rocketmq.v2`: what its messages are made of, as tables.

What only Lite topics need is left out; it is skipped when it comes.
"""

from dataclasses import dataclass
from enum import IntEnum

from anymq.protocols.rocketmq.grpc.protobuf import (
    Proto,
    blob,
    enum,
    enums,
    flag,
    maybe,
    maybe_enum,
    maybe_flag,
    maybe_number32,
    maybe_number64,
    maybe_text,
    number32,
    number64,
    real,
    several,
    text,
    text_map,
    texts,
)

# Enums


class Code(IntEnum):
    """What became of a request."""

    OK = 20000
    MULTIPLE_RESULTS = 30000
    BAD_REQUEST = 40000
    ILLEGAL_TOPIC = 40002
    ILLEGAL_CONSUMER_GROUP = 40003
    ILLEGAL_MESSAGE_TAG = 40004
    ILLEGAL_MESSAGE_KEY = 40005
    ILLEGAL_MESSAGE_GROUP = 40006
    ILLEGAL_MESSAGE_PROPERTY_KEY = 40007
    INVALID_TRANSACTION_ID = 40008
    ILLEGAL_MESSAGE_ID = 40009
    ILLEGAL_FILTER_EXPRESSION = 40010
    ILLEGAL_INVISIBLE_TIME = 40011
    ILLEGAL_DELIVERY_TIME = 40012
    INVALID_RECEIPT_HANDLE = 40013
    MESSAGE_PROPERTY_CONFLICT_WITH_TYPE = 40014
    UNRECOGNIZED_CLIENT_TYPE = 40015
    MESSAGE_CORRUPTED = 40016
    CLIENT_ID_REQUIRED = 40017
    ILLEGAL_POLLING_TIME = 40018
    ILLEGAL_OFFSET = 40019
    UNAUTHORIZED = 40100
    FORBIDDEN = 40300
    NOT_FOUND = 40400
    MESSAGE_NOT_FOUND = 40401
    TOPIC_NOT_FOUND = 40402
    CONSUMER_GROUP_NOT_FOUND = 40403
    OFFSET_NOT_FOUND = 40404
    REQUEST_TIMEOUT = 40800
    MESSAGE_BODY_TOO_LARGE = 41301
    MESSAGE_BODY_EMPTY = 41302
    PRECONDITION_FAILED = 42800
    TOO_MANY_REQUESTS = 42900
    MESSAGE_PROPERTIES_TOO_LARGE = 43101
    INTERNAL_ERROR = 50000
    INTERNAL_SERVER_ERROR = 50001
    NOT_IMPLEMENTED = 50100
    MASTER_PERSISTENCE_TIMEOUT = 50401
    UNSUPPORTED = 50500


class Permission(IntEnum):
    """What may be done with a queue."""

    NONE = 1
    READ = 2
    WRITE = 3
    READ_WRITE = 4


class FilterType(IntEnum):
    """How a subscription chooses."""

    TAG = 1
    SQL = 2


class AddressScheme(IntEnum):
    """What a host is."""

    IPV4 = 1
    IPV6 = 2
    DOMAIN_NAME = 3


class MessageType(IntEnum):
    """What is done with a message."""

    NORMAL = 1
    FIFO = 2
    DELAY = 3
    TRANSACTION = 4
    LITE = 5
    PRIORITY = 6


class DigestType(IntEnum):
    """How the body's checksum is made."""

    CRC32 = 1
    MD5 = 2
    SHA1 = 3


class ClientType(IntEnum):
    """What a client is."""

    PRODUCER = 1
    PUSH_CONSUMER = 2
    SIMPLE_CONSUMER = 3
    PULL_CONSUMER = 4
    LITE_PUSH_CONSUMER = 5
    LITE_SIMPLE_CONSUMER = 6


class Encoding(IntEnum):
    """How a body is packed."""

    IDENTITY = 1
    GZIP = 2


class Resolution(IntEnum):
    """How a transaction ends."""

    COMMIT = 1
    ROLLBACK = 2


class Source(IntEnum):
    """Why a transaction ends."""

    CLIENT = 1
    SERVER_CHECK = 2


class OffsetPolicy(IntEnum):
    """Which offset is asked for."""

    BEGINNING = 0
    END = 1
    TIMESTAMP = 2


# Parts


@dataclass(slots=True)
class Timestamp(Proto):
    """google.protobuf.Timestamp."""

    seconds: int = number64(1)
    nanos: int = number32(2)

    @property
    def ms(self) -> int:
        """Return it in milliseconds since 1970."""
        return self.seconds * 1000 + self.nanos // 1_000_000


@dataclass(slots=True)
class Duration(Proto):
    """google.protobuf.Duration."""

    seconds: int = number64(1)
    nanos: int = number32(2)

    @property
    def ms(self) -> int:
        """Return it in milliseconds."""
        return self.seconds * 1000 + self.nanos // 1_000_000


def timestamp_of(ms: int) -> Timestamp:
    """Return a time in milliseconds since 1970."""
    return Timestamp(ms // 1000, ms % 1000 * 1_000_000)


def duration_of(ms: int) -> Duration:
    """Return a duration in milliseconds."""
    return Duration(ms // 1000, ms % 1000 * 1_000_000)


@dataclass(slots=True)
class Status(Proto):
    """What became of a request, and why."""

    code: int = enum(1)
    message: str = text(2)


@dataclass(slots=True)
class Resource(Proto):
    """A topic or a group."""

    resource_namespace: str = text(1)
    name: str = text(2)


@dataclass(slots=True)
class FilterExpression(Proto):
    """Which messages are wanted."""

    type: int = enum(1)
    expression: str = text(2)


@dataclass(slots=True)
class ExponentialBackoff(Proto):
    """Pauses that grow."""

    initial: Duration | None = maybe(1, Duration)
    max: Duration | None = maybe(2, Duration)
    multiplier: float = real(3)


@dataclass(slots=True)
class CustomizedBackoff(Proto):
    """Pauses one by one."""

    next: list[Duration] = several(1, Duration)


@dataclass(slots=True)
class RetryPolicy(Proto):
    """How often, and after which pauses."""

    max_attempts: int = number32(1)
    exponential_backoff: ExponentialBackoff | None = maybe(2, ExponentialBackoff)
    customized_backoff: CustomizedBackoff | None = maybe(3, CustomizedBackoff)


@dataclass(slots=True)
class SubscriptionEntry(Proto):
    """A topic that is read."""

    topic: Resource | None = maybe(1, Resource)
    expression: FilterExpression | None = maybe(2, FilterExpression)


@dataclass(slots=True)
class Address(Proto):
    """A host and a port."""

    host: str = text(1)
    port: int = number32(2)


@dataclass(slots=True)
class Endpoints(Proto):
    """Where a broker is."""

    scheme: int = enum(1)
    addresses: list[Address] = several(2, Address)


@dataclass(slots=True)
class Broker(Proto):
    """A broker."""

    name: str = text(1)
    id: int = number32(2)
    endpoints: Endpoints | None = maybe(3, Endpoints)


@dataclass(slots=True)
class MessageQueue(Proto):
    """A queue of a topic."""

    topic: Resource | None = maybe(1, Resource)
    id: int = number32(2)
    permission: int = enum(3)
    broker: Broker | None = maybe(4, Broker)
    accept_message_types: list[int] = enums(5)


@dataclass(slots=True)
class Digest(Proto):
    """The checksum of a body."""

    type: int = enum(1)
    checksum: str = text(2)


@dataclass(slots=True)
class DeadLetterQueue(Proto):
    """Where a message was before it was dead."""

    topic: str = text(1)
    message_id: str = text(2)


@dataclass(slots=True)
class SystemProperties(Proto):
    """What RocketMQ says of a message."""

    tag: str | None = maybe_text(1)
    keys: list[str] = texts(2)
    message_id: str = text(3)
    body_digest: Digest | None = maybe(4, Digest)
    body_encoding: int = enum(5)
    message_type: int = enum(6)
    born_timestamp: Timestamp | None = maybe(7, Timestamp)
    born_host: str = text(8)
    store_timestamp: Timestamp | None = maybe(9, Timestamp)
    store_host: str = text(10)
    delivery_timestamp: Timestamp | None = maybe(11, Timestamp)
    receipt_handle: str | None = maybe_text(12)
    queue_id: int = number32(13)
    queue_offset: int | None = maybe_number64(14)
    invisible_duration: Duration | None = maybe(15, Duration)
    delivery_attempt: int | None = maybe_number32(16)
    message_group: str | None = maybe_text(17)
    trace_context: str | None = maybe_text(18)
    orphaned_transaction_recovery_duration: Duration | None = maybe(19, Duration)
    dead_letter_queue: DeadLetterQueue | None = maybe(20, DeadLetterQueue)
    lite_topic: str | None = maybe_text(21)
    priority: int | None = maybe_number32(22)


@dataclass(slots=True)
class Message(Proto):
    """A message."""

    topic: Resource | None = maybe(1, Resource)
    user_properties: dict[str, str] = text_map(2)
    system_properties: SystemProperties | None = maybe(3, SystemProperties)
    body: bytes = blob(4)


@dataclass(slots=True)
class Assignment(Proto):
    """What a consumer is to read."""

    message_queue: MessageQueue | None = maybe(1, MessageQueue)


@dataclass(slots=True)
class Agent(Proto):
    """`UA`: what a client runs on."""

    language: int = enum(1)
    version: str = text(2)
    platform: str = text(3)
    hostname: str = text(4)


@dataclass(slots=True)
class Metric(Proto):
    """Where a client sends its metrics."""

    on: bool = flag(1)
    endpoints: Endpoints | None = maybe(2, Endpoints)


@dataclass(slots=True)
class Publishing(Proto):
    """Settings of a producer."""

    topics: list[Resource] = several(1, Resource)
    max_body_size: int = number32(2)
    validate_message_type: bool = flag(3)


@dataclass(slots=True)
class Subscription(Proto):
    """Settings of a consumer."""

    group: Resource | None = maybe(1, Resource)
    subscriptions: list[SubscriptionEntry] = several(2, SubscriptionEntry)
    fifo: bool | None = maybe_flag(3)
    receive_batch_size: int | None = maybe_number32(4)
    long_polling_timeout: Duration | None = maybe(5, Duration)


@dataclass(slots=True)
class Settings(Proto):
    """Settings of a client: it says, we answer with ours."""

    client_type: int | None = maybe_enum(1)
    access_point: Endpoints | None = maybe(2, Endpoints)
    backoff_policy: RetryPolicy | None = maybe(3, RetryPolicy)
    request_timeout: Duration | None = maybe(4, Duration)
    publishing: Publishing | None = maybe(5, Publishing)
    subscription: Subscription | None = maybe(6, Subscription)
    user_agent: Agent | None = maybe(7, Agent)
    metric: Metric | None = maybe(8, Metric)

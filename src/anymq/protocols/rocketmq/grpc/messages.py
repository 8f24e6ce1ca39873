"""service.proto of `apache.rocketmq.v2`: what is asked and answered, as tables."""

from dataclasses import dataclass

from anymq.protocols.rocketmq.grpc.definition import (
    Assignment,
    Duration,
    Endpoints,
    FilterExpression,
    Message,
    MessageQueue,
    Resource,
    Settings,
    Status,
    Timestamp,
)
from anymq.protocols.rocketmq.grpc.protobuf import (
    Proto,
    enum,
    flag,
    maybe,
    maybe_flag,
    maybe_number64,
    maybe_text,
    number32,
    number64,
    several,
    text,
)


@dataclass(slots=True)
class QueryRouteRequest(Proto):
    """Where is a topic?"""

    topic: Resource | None = maybe(1, Resource)
    endpoints: Endpoints | None = maybe(2, Endpoints)


@dataclass(slots=True)
class QueryRouteResponse(Proto):
    """There."""

    status: Status | None = maybe(1, Status)
    message_queues: list[MessageQueue] = several(2, MessageQueue)


@dataclass(slots=True)
class SendMessageRequest(Proto):
    """Keep these."""

    messages: list[Message] = several(1, Message)


@dataclass(slots=True)
class SendResultEntry(Proto):
    """What became of one message."""

    status: Status | None = maybe(1, Status)
    message_id: str = text(2)
    transaction_id: str = text(3)
    offset: int = number64(4)
    recall_handle: str = text(5)


@dataclass(slots=True)
class SendMessageResponse(Proto):
    """What became of them."""

    status: Status | None = maybe(1, Status)
    entries: list[SendResultEntry] = several(2, SendResultEntry)


@dataclass(slots=True)
class QueryAssignmentRequest(Proto):
    """What shall I read?"""

    topic: Resource | None = maybe(1, Resource)
    group: Resource | None = maybe(2, Resource)
    endpoints: Endpoints | None = maybe(3, Endpoints)


@dataclass(slots=True)
class QueryAssignmentResponse(Proto):
    """These."""

    status: Status | None = maybe(1, Status)
    assignments: list[Assignment] = several(2, Assignment)


@dataclass(slots=True)
class ReceiveMessageRequest(Proto):
    """Give me some."""

    group: Resource | None = maybe(1, Resource)
    message_queue: MessageQueue | None = maybe(2, MessageQueue)
    filter_expression: FilterExpression | None = maybe(3, FilterExpression)
    batch_size: int = number32(4)
    invisible_duration: Duration | None = maybe(5, Duration)
    auto_renew: bool = flag(6)
    long_polling_timeout: Duration | None = maybe(7, Duration)
    attempt_id: str | None = maybe_text(8)


@dataclass(slots=True)
class ReceiveMessageResponse(Proto):
    """One of: how it went, a message, when it was sent."""

    status: Status | None = maybe(1, Status)
    message: Message | None = maybe(2, Message)
    delivery_timestamp: Timestamp | None = maybe(3, Timestamp)


@dataclass(slots=True)
class AckMessageEntry(Proto):
    """One that is done."""

    message_id: str = text(1)
    receipt_handle: str = text(2)


@dataclass(slots=True)
class AckMessageRequest(Proto):
    """These are done."""

    group: Resource | None = maybe(1, Resource)
    topic: Resource | None = maybe(2, Resource)
    entries: list[AckMessageEntry] = several(3, AckMessageEntry)


@dataclass(slots=True)
class AckMessageResultEntry(Proto):
    """Whether we know of one."""

    message_id: str = text(1)
    receipt_handle: str = text(2)
    status: Status | None = maybe(3, Status)


@dataclass(slots=True)
class AckMessageResponse(Proto):
    """Whether we know of them."""

    status: Status | None = maybe(1, Status)
    entries: list[AckMessageResultEntry] = several(2, AckMessageResultEntry)


@dataclass(slots=True)
class ForwardMessageToDeadLetterQueueRequest(Proto):
    """Give up on this one."""

    group: Resource | None = maybe(1, Resource)
    topic: Resource | None = maybe(2, Resource)
    receipt_handle: str = text(3)
    message_id: str = text(4)
    delivery_attempt: int = number32(5)
    max_delivery_attempts: int = number32(6)


@dataclass(slots=True)
class StatusResponse(Proto):
    """Of all that answer with nothing else."""

    status: Status | None = maybe(1, Status)


@dataclass(slots=True)
class HeartbeatRequest(Proto):
    """I am still here."""

    group: Resource | None = maybe(1, Resource)
    client_type: int = enum(2)


@dataclass(slots=True)
class EndTransactionRequest(Proto):
    """Commit, or roll back."""

    topic: Resource | None = maybe(1, Resource)
    message_id: str = text(2)
    transaction_id: str = text(3)
    resolution: int = enum(4)
    source: int = enum(5)
    trace_context: str = text(6)


@dataclass(slots=True)
class ThreadStackTrace(Proto):
    """What a client's threads do."""

    nonce: str = text(1)
    thread_stack_trace: str | None = maybe_text(2)


@dataclass(slots=True)
class VerifyMessageResult(Proto):
    """How consuming a message went."""

    nonce: str = text(1)


@dataclass(slots=True)
class RecoverOrphanedTransactionCommand(Proto):
    """What shall become of this transaction?"""

    message: Message | None = maybe(1, Message)
    transaction_id: str = text(2)


@dataclass(slots=True)
class PrintThreadStackTraceCommand(Proto):
    """What do your threads do?"""

    nonce: str = text(1)


@dataclass(slots=True)
class VerifyMessageCommand(Proto):
    """Consume this now."""

    nonce: str = text(1)
    message: Message | None = maybe(2, Message)


@dataclass(slots=True)
class TelemetryCommand(Proto):
    """What client and broker tell each other all the time."""

    status: Status | None = maybe(1, Status)
    settings: Settings | None = maybe(2, Settings)
    thread_stack_trace: ThreadStackTrace | None = maybe(3, ThreadStackTrace)
    verify_message_result: VerifyMessageResult | None = maybe(4, VerifyMessageResult)
    recover_orphaned_transaction_command: RecoverOrphanedTransactionCommand | None = maybe(
        5, RecoverOrphanedTransactionCommand
    )
    print_thread_stack_trace_command: PrintThreadStackTraceCommand | None = maybe(
        6, PrintThreadStackTraceCommand
    )
    verify_message_command: VerifyMessageCommand | None = maybe(7, VerifyMessageCommand)


@dataclass(slots=True)
class NotifyClientTerminationRequest(Proto):
    """I am going."""

    group: Resource | None = maybe(1, Resource)


@dataclass(slots=True)
class ChangeInvisibleDurationRequest(Proto):
    """I need longer, or want it again."""

    group: Resource | None = maybe(1, Resource)
    topic: Resource | None = maybe(2, Resource)
    receipt_handle: str = text(3)
    invisible_duration: Duration | None = maybe(4, Duration)
    message_id: str = text(5)
    lite_topic: str | None = maybe_text(6)
    suspend: bool | None = maybe_flag(7)


@dataclass(slots=True)
class ChangeInvisibleDurationResponse(Proto):
    """Then this is its handle."""

    status: Status | None = maybe(1, Status)
    receipt_handle: str = text(2)


@dataclass(slots=True)
class PullMessageRequest(Proto):
    """Give me those from there on."""

    group: Resource | None = maybe(1, Resource)
    message_queue: MessageQueue | None = maybe(2, MessageQueue)
    offset: int = number64(3)
    batch_size: int = number32(4)
    filter_expression: FilterExpression | None = maybe(5, FilterExpression)
    long_polling_timeout: Duration | None = maybe(6, Duration)


@dataclass(slots=True)
class PullMessageResponse(Proto):
    """One of: how it went, a message, where to go on."""

    status: Status | None = maybe(1, Status)
    message: Message | None = maybe(2, Message)
    next_offset: int | None = maybe_number64(3)


@dataclass(slots=True)
class UpdateOffsetRequest(Proto):
    """I am so far."""

    group: Resource | None = maybe(1, Resource)
    message_queue: MessageQueue | None = maybe(2, MessageQueue)
    offset: int = number64(3)


@dataclass(slots=True)
class GetOffsetRequest(Proto):
    """How far am I?"""

    group: Resource | None = maybe(1, Resource)
    message_queue: MessageQueue | None = maybe(2, MessageQueue)


@dataclass(slots=True)
class OffsetResponse(Proto):
    """So far."""

    status: Status | None = maybe(1, Status)
    offset: int = number64(2)


@dataclass(slots=True)
class QueryOffsetRequest(Proto):
    """Where does it begin, end, where was it then?"""

    message_queue: MessageQueue | None = maybe(1, MessageQueue)
    query_offset_policy: int = enum(2)
    timestamp: Timestamp | None = maybe(3, Timestamp)


@dataclass(slots=True)
class RecallMessageRequest(Proto):
    """Do not deliver that one."""

    topic: Resource | None = maybe(1, Resource)
    recall_handle: str = text(2)


@dataclass(slots=True)
class RecallMessageResponse(Proto):
    """That was its id."""

    status: Status | None = maybe(1, Status)
    message_id: str = text(2)

"""Bytes as a conversation by gRPC with a session over a whole broker, and what must hold.

The first byte says what the rest is: frames of HTTP/2, or the message of a call, which the second
byte names. Frames come after a preface, or instead of one, and are cut where the second byte says.
"""

import time
from collections.abc import Iterator

from h2.exceptions import ProtocolError

from anymq.protocols.rocketmq.grpc.definition import (
    Endpoints,
    FilterExpression,
    Message,
    MessageQueue,
    Publishing,
    Resource,
    Settings,
    Subscription,
    SubscriptionEntry,
    SystemProperties,
    timestamp_of,
)
from anymq.protocols.rocketmq.grpc.messages import (
    AckMessageEntry,
    AckMessageRequest,
    ChangeInvisibleDurationRequest,
    EndTransactionRequest,
    ForwardMessageToDeadLetterQueueRequest,
    GetOffsetRequest,
    HeartbeatRequest,
    PullMessageRequest,
    QueryAssignmentRequest,
    QueryOffsetRequest,
    QueryRouteRequest,
    RecallMessageRequest,
    ReceiveMessageRequest,
    SendMessageRequest,
    TelemetryCommand,
    UpdateOffsetRequest,
)
from anymq.protocols.rocketmq.grpc.protobuf import Proto
from anymq.testing.grpc import GrpcDialog, GrpcRoom

INPUT_BYTES_MAX = 64 * 1024
CONVERSATIONS_PER_ROOM = 200  # what one leaves behind, the next ones find
FRAMES, STRANGER = 1, 2  # bits of the first byte
METHODS = (
    *("QueryRoute", "Heartbeat", "SendMessage", "QueryAssignment", "ReceiveMessage", "AckMessage"),
    *("ForwardMessageToDeadLetterQueue", "PullMessage", "UpdateOffset", "GetOffset"),
    *("QueryOffset", "EndTransaction", "Telemetry", "NotifyClientTermination"),
    *("ChangeInvisibleDuration", "RecallMessage"),
)


class Rooms:
    """A room to talk in; now and then a new one."""

    def __init__(self) -> None:
        self._room: GrpcRoom | None = None
        self._used = 0

    def pick(self) -> GrpcRoom:
        """Return a room with a topic that has messages."""
        if self._room is None or self._used % CONVERSATIONS_PER_ROOM == 0:
            self._room = GrpcRoom()
            self._room.make_topic("t")
            writer = self._room.client()
            for number in range(3):
                writer.send("t", b"%d" % number, TAGS="a", UNIQ_KEY=f"ID{number}")
            writer.hang_up()
        self._used += 1
        return self._room


def talk(rooms: Rooms, data: bytes) -> float:
    """Have the conversation; return how many seconds of the processor the worst step took."""
    if len(data) < 2 or len(data) > INPUT_BYTES_MAX:
        return 0.0
    room = rooms.pick()
    client = room.grpc_client(preface=not data[0] & STRANGER)
    began = time.process_time()
    if data[0] & (FRAMES | STRANGER):
        cut = len(data) * data[1] // 255
        for part in (data[2:cut], data[max(cut, 2) :]):
            client.feed(part)
    else:
        _call(client, METHODS[data[1] % len(METHODS)], data[2:])
    worst = time.process_time() - began
    room.let_pass(2)
    assert client.session.reading in (True, False)
    client.hang_up()
    room.dialogs.clear()
    assert room.rocketmq.memory.used == 0, "memory that nobody holds"
    assert not room.grpc.connected
    assert not room.rocketmq.clients.consumers
    return worst


def _call(client: GrpcDialog, name: str, message: bytes) -> None:
    try:
        if name not in ("Telemetry", "Heartbeat"):
            client.say(client.begin("Telemetry"), _settings())
        client.say(client.begin(name), message, last=name != "Telemetry")
        client.listen()
    except ProtocolError:  # h2, as the client: the call had ended before it was said
        pass


def _settings() -> TelemetryCommand:
    entry = SubscriptionEntry(Resource("", "t"), FilterExpression(1, "*"))
    subscription = Subscription(Resource("", "g"), [entry])
    return TelemetryCommand(settings=Settings(client_type=3, subscription=subscription))


def seeds() -> Iterator[bytes]:
    """Conversations that make sense, for the search to begin with."""
    for name, message in _examples():
        yield bytes((0, METHODS.index(name))) + message.encode()
        room = GrpcRoom()
        client = room.grpc_client(preface=False)
        client.conn.initiate_connection()
        whole = client.conn.data_to_send()
        client.conn.send_headers(1, _head(name))
        data = message.encode()
        client.conn.send_data(1, b"\0" + len(data).to_bytes(4, "big") + data, end_stream=True)
        rest = client.conn.data_to_send()
        yield bytes((STRANGER, 99)) + whole + rest
        yield bytes((FRAMES, 30)) + rest


def _head(name: str) -> list[tuple[str, str]]:
    path = f"/apache.rocketmq.v2.MessagingService/{name}"
    head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "b")]
    return [*head, ("content-type", "application/grpc"), ("x-mq-client-id", "c")]


def _examples() -> Iterator[tuple[str, Proto]]:
    topic, group = Resource("", "t"), Resource("", "g")
    queue, handle = MessageQueue(topic, 0), "0 1 30000 0 0 anymq 0 0 5"
    said = SystemProperties(message_id="ID9", tag="a", keys=["k"], message_group="m")
    half = SystemProperties(message_id="ID8", message_type=4)
    late = SystemProperties(message_id="ID7", delivery_timestamp=timestamp_of(1_900_000_000_000))
    wanted = FilterExpression(2, "a > 5 AND b IS NOT NULL")
    yield "QueryRoute", QueryRouteRequest(topic, Endpoints(1, []))
    yield "QueryAssignment", QueryAssignmentRequest(topic, group, Endpoints(1, []))
    yield "SendMessage", SendMessageRequest([Message(topic, {"a": "6"}, said, b"hello")])
    yield "SendMessage", SendMessageRequest([Message(topic, {}, half, b"half")])
    yield "SendMessage", SendMessageRequest([Message(topic, {}, late, b"late")])
    yield "ReceiveMessage", ReceiveMessageRequest(group, queue, wanted, 32, None, True)
    yield "AckMessage", AckMessageRequest(group, topic, [AckMessageEntry("ID0", handle)])
    yield "ChangeInvisibleDuration", ChangeInvisibleDurationRequest(group, topic, handle)
    yield (
        "ForwardMessageToDeadLetterQueue",
        ForwardMessageToDeadLetterQueueRequest(group, topic, handle, "ID0"),
    )
    yield "PullMessage", PullMessageRequest(group, queue, 0, 32, wanted)
    yield "UpdateOffset", UpdateOffsetRequest(group, queue, 1)
    yield "GetOffset", GetOffsetRequest(group, queue)
    yield "QueryOffset", QueryOffsetRequest(queue, 2, timestamp_of(5))
    yield "EndTransaction", EndTransactionRequest(topic, "ID8", "0-70000000000-ID8", 1)
    yield "RecallMessage", RecallMessageRequest(topic, "djEgYSBiIDEgYw==")
    yield "Heartbeat", HeartbeatRequest(group, 2)
    yield "Telemetry", _settings()
    yield (
        "Telemetry",
        TelemetryCommand(settings=Settings(client_type=1, publishing=Publishing([topic]))),
    )

"""Calls by gRPC, one after another and all at once, and who has to wait."""

import pytest
from h2.errors import ErrorCodes

from anymq.protocols.rocketmq.grpc.definition import (
    Address,
    ClientType,
    Code,
    Endpoints,
    FilterExpression,
    Message,
    MessageQueue,
    MessageType,
    Publishing,
    Resource,
    Settings,
    Subscription,
    SubscriptionEntry,
    SystemProperties,
    duration_of,
)
from anymq.protocols.rocketmq.grpc.http2 import RESETS_AHEAD_MAX, GrpcStatus
from anymq.protocols.rocketmq.grpc.messages import (
    GetOffsetRequest,
    HeartbeatRequest,
    NotifyClientTerminationRequest,
    OffsetResponse,
    PullMessageRequest,
    PullMessageResponse,
    QueryAssignmentRequest,
    QueryAssignmentResponse,
    QueryOffsetRequest,
    QueryRouteRequest,
    QueryRouteResponse,
    SendMessageRequest,
    SendMessageResponse,
    StatusResponse,
    TelemetryCommand,
    UpdateOffsetRequest,
)
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.testing.grpc import GrpcDialog, GrpcRoom

HERE = Endpoints(1, [Address("127.0.0.1", 8081)])
TOPIC, GROUP = Resource("", "t"), Resource("", "g")


def message(body: bytes = b"hello", topic: str = "t", **said: object) -> Message:
    properties = SystemProperties(message_id="01AB", **said)  # type: ignore[arg-type]
    return Message(Resource("", topic), {"color": "blue"}, properties, body)


def send(client: GrpcDialog, *messages: Message) -> SendMessageResponse:
    request = SendMessageRequest(list(messages or [message()]))
    return client.call("SendMessage", request, SendMessageResponse)


def pull(client: GrpcDialog, queue: int, offset: int = 0) -> list[Message]:
    request = PullMessageRequest(GROUP, MessageQueue(TOPIC, queue), offset, 32)
    request.long_polling_timeout = duration_of(0)
    stream = client.start("PullMessage", request)
    answers = client.heard[stream].messages(PullMessageResponse)
    return [one.message for one in answers if one.message is not None]


# Routes


def test_a_topic_is_made_when_somebody_asks_for_it() -> None:
    room = GrpcRoom(RocketMqSettings(queues=3))
    route = room.grpc_client().call(
        "QueryRoute", QueryRouteRequest(TOPIC, HERE), QueryRouteResponse
    )
    assert [queue.id for queue in route.message_queues] == [0, 1, 2]
    broker = route.message_queues[0].broker
    assert broker is not None
    assert broker.endpoints == HERE
    assert len(room.broker.topic("t").partitions) == 3


def test_or_it_is_not_there() -> None:
    room = GrpcRoom(RocketMqSettings(auto_create=False))
    route = room.grpc_client().call(
        "QueryRoute", QueryRouteRequest(TOPIC, HERE), QueryRouteResponse
    )
    assert route.status is not None
    assert route.status.code == Code.TOPIC_NOT_FOUND


@pytest.mark.parametrize("name", ["", "a b", "t/u", "x" * 128, "TBW102"])
def test_names_that_no_topic_has(name: str) -> None:
    request = QueryRouteRequest(Resource("", name), HERE)
    route = GrpcRoom().grpc_client().call("QueryRoute", request, QueryRouteResponse)
    assert route.status is not None
    assert route.status.code == Code.ILLEGAL_TOPIC


def test_a_consumer_reads_whatever_queue_the_broker_likes() -> None:
    request = QueryAssignmentRequest(TOPIC, GROUP, HERE)
    answer = GrpcRoom().grpc_client().call("QueryAssignment", request, QueryAssignmentResponse)
    (assignment,) = answer.assignments
    assert assignment.message_queue is not None
    assert assignment.message_queue.id == -1


def test_clients_are_sent_where_the_configuration_says() -> None:
    settings = RocketMqSettings(advertised_host="broker.example", grpc_advertised_port=1234)
    request = QueryRouteRequest(TOPIC, HERE)
    route = GrpcRoom(settings).grpc_client().call("QueryRoute", request, QueryRouteResponse)
    broker = route.message_queues[0].broker
    assert broker is not None
    assert broker.endpoints == Endpoints(3, [Address("broker.example", 1234)])


# Messages


def test_a_message_is_kept_as_it_came() -> None:
    room = GrpcRoom(RocketMqSettings(queues=1))
    client = room.grpc_client()
    sent = send(client, message(tag="a", keys=["k", "l"], message_group="g1"))
    assert [one.offset for one in sent.entries] == [0]
    (kept,) = pull(client, 0)
    said = kept.system_properties
    assert said is not None
    assert (kept.body, kept.user_properties) == (b"hello", {"color": "blue"})
    assert (said.tag, said.keys, said.message_group) == ("a", ["k", "l"], "g1")
    assert (said.message_id, said.message_type) == ("01AB", MessageType.FIFO)


def test_the_answer_waits_for_the_disk() -> None:
    """A producer that has it may forget the message."""
    room = GrpcRoom()
    client = room.grpc_client()
    room.make_topic("t")
    room.disk_waits = True
    stream = client.start("SendMessage", SendMessageRequest([message()]))
    assert not client.heard[stream].ended
    assert client.session.busy
    room.disk_waits = False
    client.listen()
    assert client.heard[stream].messages(SendMessageResponse)[0].entries[0].offset == 0


def test_messages_of_one_call_have_one_topic() -> None:
    answer = send(GrpcRoom().grpc_client(), message(), message(topic="u"))
    assert answer.status is not None
    assert answer.status.code == Code.MESSAGE_CORRUPTED


def test_many_messages_in_one_call() -> None:
    client = GrpcRoom(RocketMqSettings(queues=1)).grpc_client()
    sent = send(client, *(message(b"%d" % number) for number in range(5)))
    assert [one.offset for one in sent.entries] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (message(b""), Code.MESSAGE_BODY_EMPTY),
        (message(b"x" * 2000), Code.MESSAGE_BODY_TOO_LARGE),
        (message(tag="a|b"), Code.ILLEGAL_MESSAGE_TAG),
        (message(tag=" "), Code.ILLEGAL_MESSAGE_TAG),
        (message(keys=["a\1b"]), Code.ILLEGAL_MESSAGE_KEY),
        (message(message_group="x" * 64), Code.ILLEGAL_MESSAGE_GROUP),
        (Message(TOPIC, {}, SystemProperties(), b"x"), Code.ILLEGAL_MESSAGE_ID),
        (Message(TOPIC, {"KEYS": "x"}, None, b"x"), Code.ILLEGAL_MESSAGE_PROPERTY_KEY),
        (Message(TOPIC, {"a": "x\2y"}, None, b"x"), Code.ILLEGAL_MESSAGE_PROPERTY_KEY),
        (Message(TOPIC, {"a": "x" * 20_000}, None, b"x"), Code.MESSAGE_PROPERTIES_TOO_LARGE),
    ],
)
def test_what_a_client_cannot_mean_is_refused(bad: Message, code: Code) -> None:
    answer = send(GrpcRoom(RocketMqSettings(message_bytes_max=1024)).grpc_client(), bad)
    assert answer.status is not None
    assert answer.status.code == code


@pytest.mark.parametrize(("more", "code"), [(0, Code.OK), (1, Code.MESSAGE_PROPERTIES_TOO_LARGE)])
def test_tag_and_keys_count_as_they_were_said(more: int, code: Code) -> None:
    """RocketMQ takes a key of exactly 16 KiB: under which name it is kept does not count."""
    system = SystemProperties(message_id="01AB", tag="t" * 100, keys=["k" * 16_000, "l" * 184])
    said = Message(TOPIC, {"a": "x" * (99 + more)}, system, b"x")
    answer = send(GrpcRoom().grpc_client(), said)
    assert answer.status is not None
    assert answer.status.code == code


def test_a_producer_by_remoting_is_read_by_grpc() -> None:
    room = GrpcRoom()
    room.make_topic("t")
    room.client().send("t", b"hi", TAGS="a", UNIQ_KEY="ID1", color="red")
    (kept,) = pull(room.grpc_client(), 0)
    assert kept.system_properties is not None
    assert (kept.system_properties.tag, kept.system_properties.message_id) == ("a", "ID1")
    assert kept.user_properties == {"color": "red"}


# Offsets


def test_how_far_a_group_has_read() -> None:
    room = GrpcRoom()
    room.make_topic("t")
    client, queue = room.grpc_client(), MessageQueue(TOPIC, 0)
    for _ in range(3):
        send(client)
    ends = [
        client.call("QueryOffset", QueryOffsetRequest(queue, policy), OffsetResponse).offset
        for policy in (0, 1)
    ]
    assert ends == [0, 3]
    kept = client.call("UpdateOffset", UpdateOffsetRequest(GROUP, queue, 2), StatusResponse)
    assert kept.status is not None
    assert kept.status.code == Code.OK
    assert client.call("GetOffset", GetOffsetRequest(GROUP, queue), OffsetResponse).offset == 2


# Who is there


def consumer_settings() -> Settings:
    entry = SubscriptionEntry(TOPIC, FilterExpression(1, "a || b"))
    return Settings(client_type=ClientType.PUSH_CONSUMER, subscription=Subscription(GROUP, [entry]))


def test_a_client_says_what_it_is_and_is_told_how_to_behave() -> None:
    room = GrpcRoom()
    client = room.grpc_client()
    stream = client.begin("Telemetry")
    client.say(stream, TelemetryCommand(settings=consumer_settings()))
    (told,) = client.heard[stream].messages(TelemetryCommand)
    assert told.settings is not None
    assert told.settings.backoff_policy is not None
    assert told.settings.subscription is not None
    assert told.settings.subscription.long_polling_timeout is not None
    assert list(room.rocketmq.clients.consumers) == ["g"]
    beat = client.call("Heartbeat", HeartbeatRequest(GROUP, 2), StatusResponse)
    assert beat.status is not None
    assert beat.status.code == Code.OK
    client.call("NotifyClientTermination", NotifyClientTerminationRequest(GROUP), StatusResponse)
    assert not room.rocketmq.clients.consumers


def test_a_client_whose_connection_is_lost_is_no_member() -> None:
    room = GrpcRoom()
    client = room.grpc_client()
    client.say(client.begin("Telemetry"), TelemetryCommand(settings=consumer_settings()))
    assert room.rocketmq.clients.consumers
    client.hang_up()
    assert not room.rocketmq.clients.consumers


def test_a_heartbeat_of_nobody_is_refused() -> None:
    answer = GrpcRoom().grpc_client().call("Heartbeat", HeartbeatRequest(GROUP, 2), StatusResponse)
    assert answer.status is not None
    assert answer.status.code == Code.UNRECOGNIZED_CLIENT_TYPE


def test_producers_are_told_the_limit() -> None:
    client = GrpcRoom(RocketMqSettings(message_bytes_max=4321)).grpc_client()
    stream = client.begin("Telemetry")
    settings = Settings(client_type=1, publishing=Publishing([TOPIC]))
    client.say(stream, TelemetryCommand(settings=settings))
    (told,) = client.heard[stream].messages(TelemetryCommand)
    assert told.settings is not None
    assert told.settings.publishing is not None
    assert told.settings.publishing.max_body_size == 4321


def test_settings_that_say_nothing_end_the_stream() -> None:
    client = GrpcRoom().grpc_client()
    stream = client.begin("Telemetry")
    client.say(stream, TelemetryCommand(settings=Settings(client_type=1)))
    assert client.heard[stream].status == GrpcStatus.INVALID_ARGUMENT


def test_who_has_no_name_is_refused() -> None:
    client = GrpcRoom().grpc_client(client_id="")
    answer = client.call("Heartbeat", HeartbeatRequest(GROUP, 2), StatusResponse)
    assert answer.status is not None
    assert answer.status.code == Code.CLIENT_ID_REQUIRED


def test_who_must_log_in_and_does_not_is_refused() -> None:
    client = GrpcRoom(RocketMqSettings(require_login=True)).grpc_client()
    answer = client.call("QueryRoute", QueryRouteRequest(TOPIC, HERE), QueryRouteResponse)
    assert answer.status is not None
    assert answer.status.code == Code.UNAUTHORIZED


# gRPC itself


@pytest.mark.parametrize("path", ["Nothing", "SyncLiteSubscription", "/a.B/C", "/"])
def test_what_is_not_known_is_not_implemented(path: str) -> None:
    client = GrpcRoom().grpc_client()
    stream = client.start(path, HeartbeatRequest())
    assert client.heard[stream].status == GrpcStatus.UNIMPLEMENTED


def test_what_is_no_message_ends_that_call_only() -> None:
    client = GrpcRoom().grpc_client()
    stream = client.begin("Heartbeat")
    client.say(stream, b"\xff\xff", last=True)
    assert client.heard[stream].status == GrpcStatus.INTERNAL
    assert not client.session.closed


def test_a_message_that_is_too_big_ends_that_call_only() -> None:
    client = GrpcRoom(RocketMqSettings(message_bytes_max=1024)).grpc_client()
    stream = client.begin("SendMessage")
    client.conn.send_data(stream, b"\0" + (2**30).to_bytes(4, "big") + b"x")
    client.flush()
    assert client.heard[stream].status == GrpcStatus.RESOURCE_EXHAUSTED
    assert send(client).entries[0].offset == 0


def test_answers_wait_for_the_room_that_the_client_makes() -> None:
    """It asks, and takes nothing: what it is owed is bounded, and comes when it reads."""
    room = GrpcRoom(RocketMqSettings(queues=1))
    client = room.grpc_client()
    for _ in range(3):
        send(client, message(b"x" * 60_000))
    client.acknowledges = False
    request = PullMessageRequest(GROUP, MessageQueue(TOPIC, 0), 0, 32)
    stream = client.start("PullMessage", request)
    heard = client.heard[stream]
    assert not heard.ended
    assert client.session.unfinished_bytes > 100_000
    assert client.session.reading  # or it could never tell us that there is room
    client.conn.increment_flow_control_window(2**20)
    client.conn.increment_flow_control_window(2**20, stream)
    client.flush()
    assert heard.ended
    assert client.session.unfinished_bytes == 0
    assert len(heard.messages(PullMessageResponse)) == 5  # status, three of them, the offset


def test_calls_taken_back_again_and_again_end_the_connection() -> None:
    """Rapid reset: each costs us more than the client."""
    client = GrpcRoom().grpc_client()
    for _ in range(RESETS_AHEAD_MAX + 1):
        stream = client.begin("Heartbeat")
        client.conn.reset_stream(stream, ErrorCodes.CANCEL)
        client.feed(client.conn.data_to_send())
    assert client.session.closed


def test_who_calls_and_takes_back_now_and_then_may_stay() -> None:
    client = GrpcRoom().grpc_client()
    for _ in range(RESETS_AHEAD_MAX + 1):
        stream = client.begin("Heartbeat")
        client.conn.reset_stream(stream, ErrorCodes.CANCEL)
        client.call("Heartbeat", HeartbeatRequest(GROUP, 2), StatusResponse)
    assert not client.session.closed


def test_a_call_that_is_taken_back_waits_no_more() -> None:
    room = GrpcRoom()
    room.make_topic("t")
    client = room.grpc_client()
    request = PullMessageRequest(GROUP, MessageQueue(TOPIC, 0), 0, 32)
    stream = client.start("PullMessage", request)
    (one,) = client.session.clients.values()
    assert len(one.calls) == 1
    client.conn.reset_stream(stream, ErrorCodes.CANCEL)
    client.flush()
    assert not one.calls
    client.hang_up()
    assert room.rocketmq.memory.used == 0


def test_what_is_not_http2_is_hung_up_on() -> None:
    room = GrpcRoom()
    client = room.grpc_client(preface=False)
    client.feed(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert client.session.closed
    assert room.rocketmq.counters.malformed == 1


def test_a_request_that_never_ends_is_given_up() -> None:
    room = GrpcRoom(RocketMqSettings(frame_seconds_max=5))
    client = room.grpc_client()
    stream = client.begin("SendMessage")
    client.conn.send_data(stream, b"\0\0\0\0\x09abc")
    client.flush()
    room.let_pass(10)
    client.listen()
    assert client.heard[stream].status == GrpcStatus.DEADLINE_EXCEEDED


def test_who_is_silent_for_long_is_hung_up_on() -> None:
    room = GrpcRoom(RocketMqSettings(idle_seconds_max=60))
    client = room.grpc_client()
    send(client)
    room.let_pass(70)
    assert client.session.closed


@pytest.mark.parametrize("cut", [1, 2, 7, 50])
def test_any_split_of_the_bytes_means_the_same(cut: int) -> None:
    client = GrpcRoom(RocketMqSettings(queues=1)).grpc_client(cut=cut)
    assert send(client).entries[0].offset == 0
    assert [one.body for one in pull(client, 0)] == [b"hello"]

"""What one peer costs is bounded: in memory, in time, and in the turns of the others."""

import struct
from dataclasses import replace

import pytest

from anymq.protocols.kafka.api import produce_scan
from anymq.protocols.kafka.codec import FrameAssembler, frame
from anymq.protocols.kafka.primitives import MalformedFrame
from anymq.protocols.kafka.schema.generated import (
    api_versions,
    create_topics,
    describe_configs,
    describe_groups,
    describe_producers,
    fetch,
    metadata,
    offset_fetch,
    produce,
)
from anymq.protocols.kafka.schema.generated.api_versions import ApiVersionsRequest
from anymq.protocols.kafka.schema.generated.metadata import MetadataRequest
from anymq.protocols.kafka.schema.generated.sasl_authenticate import SaslAuthenticateRequest
from anymq.protocols.kafka.schema.generated.sasl_handshake import SaslHandshakeRequest
from anymq.protocols.kafka.session import TURN_SECONDS, KafkaSession
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.security.users import Users
from anymq.testing.kafka import KafkaDialog, KafkaRoom

KIB = 1024
MIB = 1024 * KIB
USERS = {"ada": ["secret"]}
LOCKED = KafkaSettings(login_required=True, sasl_mechanisms=("PLAIN",))


class SlowClock:
    """Every look at it takes a while."""

    def __init__(self, step: float) -> None:
        self.seconds = 1000.0
        self._step = step

    def wall_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        self.seconds += self._step
        return self.seconds


def finish(session: KafkaSession) -> int:
    """Give it turns until it has nothing left; return how many."""
    turns = 0
    while session.more:
        session.go_on()
        turns += 1
    return turns


def answers(dialog: KafkaDialog) -> int:
    data, count = memoryview(dialog.taken()), 0
    while data:
        data = data[4 + int.from_bytes(data[:4], "big") :]
        count += 1
    return count


def test_who_asks_much_at_once_gets_it_in_many_turns() -> None:
    room = KafkaRoom()
    room.broker.clock = SlowClock(TURN_SECONDS / 10)
    dialog = room.dialog()
    dialog.send(dialog.encode(ApiVersionsRequest(), awaits_answer=False) * 100)
    assert dialog.session.more
    assert not dialog.session.reading
    assert finish(dialog.session) > 5
    assert dialog.session.reading
    assert answers(dialog) == 100


def test_who_does_not_take_its_answers_is_not_given_more() -> None:
    """A few bytes ask for a page; a peer that never reads would fill the memory with pages."""
    room = KafkaRoom(KafkaSettings(unsent_bytes_max=10 * KIB))
    dialog = room.dialog()
    dialog.send(dialog.encode(ApiVersionsRequest("x", "1"), awaits_answer=False) * 10_000)
    session = dialog.session
    assert session.kafka.memory.used < 500 * KIB
    assert not session.more
    assert not session.reading
    got = answers(dialog)
    assert 0 < got < 1000
    while session.more:
        session.go_on()
        got += answers(dialog)
    assert got == 10_000
    assert session.reading
    assert session.kafka.memory.used == 0


def test_any_cut_gives_the_same_answers_whatever_the_turns() -> None:
    room = KafkaRoom()
    room.broker.clock = SlowClock(TURN_SECONDS / 3)
    dialog = room.dialog()
    data = b"".join(dialog.encode(MetadataRequest(topics=[])) for _ in range(20))
    for start in range(0, len(data), 7):
        dialog.send(data[start : start + 7])
        if start % 3:
            finish(dialog.session)
    finish(dialog.session)
    for _ in range(20):
        dialog.answer()


def feed_all(frames: FrameAssembler, *parts: memoryview) -> None:
    for part in parts:
        list(frames.feed(part))


def test_only_produce_may_be_large() -> None:
    frames = FrameAssembler(100 * MIB, small_max=MIB, large={produce.KEY})
    feed_all(frames, memoryview(struct.pack(">ih", 2 * MIB, produce.KEY)), memoryview(b"."))
    for key in (metadata.KEY, fetch.KEY, 999):
        for cut in (4, 5, 6):
            frames = FrameAssembler(100 * MIB, small_max=MIB, large={produce.KEY})
            header = memoryview(struct.pack(">ih", 2 * MIB, key))
            with pytest.raises(MalformedFrame, match="for this kind"):
                feed_all(frames, header[:cut], header[cut:], memoryview(b"."))


@pytest.mark.parametrize("version", [3, 8, 9, 12, 13])
def test_a_large_produce_of_nothing_but_topics_is_refused_unread(version: int) -> None:
    count = produce_scan.PARTS_MAX + 1
    topics = [produce.TopicProduceData(name="", partition_data=[])] * count
    request = produce.ProduceRequest(acks=1, timeout_ms=1, topic_data=topics)
    with pytest.raises(MalformedFrame, match="parts"):
        produce_scan.check(produce.encode_request(request, version), 0, version)


@pytest.mark.parametrize("version", [3, 8, 9, 12, 13])
def test_a_large_produce_of_records_passes(version: int) -> None:
    parts = [produce.PartitionProduceData(n, bytes(n)) for n in range(300)]
    topics = [produce.TopicProduceData(name="topic", partition_data=parts)] * 10
    topics.append(produce.TopicProduceData(name="t", partition_data=[]))
    request = produce.ProduceRequest("id", acks=1, timeout_ms=1, topic_data=topics)
    encoded = produce.encode_request(request, version)
    produce_scan.check(encoded, 0, version)
    for cut in range(0, len(encoded) - 1, 5000):
        with pytest.raises(MalformedFrame):
            produce_scan.check(memoryview(encoded)[:cut], 0, version)


def test_a_frame_that_is_never_whole_is_not_waited_for() -> None:
    """A byte a second, for a frame of a hundred megabytes."""
    room = KafkaRoom()
    dialog = room.dialog()
    data = memoryview(dialog.encode(MetadataRequest(topics=[]), awaits_answer=False))
    dialog.send(data[:3])
    for second in range(int(room.kafka.settings.frame_seconds_max) - 1):
        room.pass_time(1)
        dialog.session.tick(room.clock.monotonic())
        dialog.send(data[3 + second : 4 + second] if second < 5 else b"")
        assert not dialog.closed
    room.pass_time(2)
    dialog.session.tick(room.clock.monotonic())
    assert dialog.closed
    assert dialog.session.reason == "a request was not whole in time"


def test_the_next_frame_has_its_own_time() -> None:
    room = KafkaRoom()
    dialog = room.dialog()
    data = dialog.encode(MetadataRequest(topics=[]))
    for _ in range(5):
        dialog.send(data[-3:] if dialog.session.unfinished_bytes else b"")
        dialog.send(data[:-3])
        room.pass_time(room.kafka.settings.frame_seconds_max - 1)
        dialog.session.tick(room.clock.monotonic())
        assert not dialog.closed


def test_a_peer_that_we_made_wait_is_not_late() -> None:
    room = KafkaRoom(memory_bytes_max=MIB)
    other, dialog = room.dialog(), room.dialog()
    for each in (dialog, other):  # the last to fill it up is the one that may always go on
        each.send(struct.pack(">ihhi", MIB, produce.KEY, 9, 1) + bytes(MIB // 2 - 1000))
    assert other.session.reading
    assert not dialog.session.reading
    for _ in range(5):
        room.pass_time(room.kafka.settings.frame_seconds_max / 2)
        dialog.session.tick(room.clock.monotonic())
    assert not dialog.closed
    other.hang_up()
    assert dialog.session.reading


def test_memory_of_all_is_bounded_and_is_given_back() -> None:
    room = KafkaRoom(memory_bytes_max=MIB)
    dialogs = [room.dialog() for _ in range(100)]
    piece = bytes(32 * KIB)
    for dialog in dialogs:
        dialog.send(struct.pack(">ihhi", 10 * MIB, produce.KEY, 9, 1))
    for _ in range(100):
        for dialog in dialogs[1:]:
            if dialog.session.reading:
                dialog.send(piece)
    held = sorted(dialog.session.held_bytes for dialog in dialogs)
    assert sum(held) == room.kafka.memory.used
    assert sum(held[:-1]) <= MIB + 32 * KIB  # the last one is the one that may always go on
    for dialog in dialogs:
        dialog.hang_up()
    assert room.kafka.memory.used == 0


def test_who_does_not_log_in_in_time_is_cut_whatever_it_does() -> None:
    """It may be owed answers that it does not take: that is no reason to wait."""
    room = KafkaRoom(LOCKED, users=Users(USERS))
    dialog = room.dialog()
    for _ in range(40):
        dialog.send(dialog.encode(ApiVersionsRequest(), awaits_answer=False))
        room.pass_time(1)
        dialog.session.tick(room.clock.monotonic())
    assert dialog.closed
    assert dialog.session.reason == "it did not log in in time"
    assert room.kafka.counters.malformed == 0


def test_nobody_is_anybody_before_it_has_logged_in() -> None:
    """Every request but the three that are for that."""
    room = KafkaRoom(LOCKED, users=Users(USERS))
    before = {"ApiVersions", "SaslHandshake", "SaslAuthenticate"}
    for api in room.kafka.apis.values():
        for version in api.versions:
            dialog = room.dialog()
            dialog.send(frame(struct.pack(">hhih", api.key, version, 1, -1), bytes(200)))
            got = dialog.taken()
            assert dialog.closed or api.name in before
            assert not got or api.name in before
            assert not dialog.session.authentication.done


def test_who_is_deleted_is_thrown_out() -> None:
    """Busy or idle: nobody goes on as a user that there is no more."""
    room = KafkaRoom(LOCKED, users=Users(USERS))
    busy, idle = room.dialog(), room.dialog()
    for dialog in (busy, idle):
        dialog.ask(SaslHandshakeRequest("PLAIN"))
        dialog.ask(SaslAuthenticateRequest(b"\0ada\0secret"))
        assert dialog.session.authentication.done
    room.broker.users.give([])
    busy.send(busy.encode(MetadataRequest()))
    idle.session.tick(room.clock.monotonic())
    assert busy.closed
    assert idle.closed
    assert not busy.taken()


@pytest.mark.parametrize("length", [-(2**31), -1, 0, 1, 7, 64 * KIB + 1, 2**31 - 1])
def test_a_length_that_lies_is_noticed_at_once(length: int) -> None:
    room = KafkaRoom(LOCKED, users=Users(USERS))
    dialog = room.dialog()
    dialog.send(struct.pack(">i", length))
    assert dialog.closed
    assert dialog.session.reason.startswith("not Kafka's protocol: frame of")
    assert room.kafka.counters.malformed == 1


def test_tagged_fields_without_end() -> None:
    room = KafkaRoom()
    dialog = room.dialog()
    header = struct.pack(">hhih", metadata.KEY, 12, 1, -1)
    tags = b"\xff\xff\x3f" + b"\x01\x00" * 100_000
    dialog.send(frame(header, tags))
    assert dialog.closed


def test_a_topic_name_that_cannot_be_is_not_kept() -> None:
    room = KafkaRoom()
    dialog = room.dialog()
    wanted = fetch.FetchTopic(topic="x" * 250, partitions=[fetch.FetchPartition(0)])
    dialog.at(12) >> fetch.FetchRequest(topics=[wanted])
    assert dialog.closed


def test_an_answer_that_cannot_be_written_harms_its_connection_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def boom(*_: object) -> bytes:
        raise ValueError("a bug")

    room = KafkaRoom()
    api = room.kafka.apis[api_versions.KEY]
    room.kafka.apis = {api.key: replace(api, encode_response=boom)}
    dialog = room.dialog()
    dialog.send(dialog.encode(ApiVersionsRequest(), awaits_answer=False))
    assert dialog.closed
    assert not dialog.session.busy
    assert "an answer cannot be written" in caplog.text


def test_naming_something_often_does_not_get_it_often() -> None:
    """Four bytes of a request for a kilobyte of answer, half a million times."""
    room = KafkaRoom()
    room.broker.create_topic("a", 1)
    client = room.dialog()

    resource = describe_configs.DescribeConfigsResource(2, "a", None)
    configs = client.ask(describe_configs.DescribeConfigsRequest([resource] * 1000))
    assert len(configs.results) == 1

    groups = client.ask(describe_groups.DescribeGroupsRequest(["g"] * 1000))
    assert len(groups.groups) == 1

    topic = describe_producers.TopicRequest("a", [0] * 1000)
    producers = client.ask(describe_producers.DescribeProducersRequest([topic] * 10))
    assert [len(one.partitions) for one in producers.topics] == [1]

    wanted = offset_fetch.OffsetFetchRequestTopics(name="a", partition_indexes=[0, 1] * 100)
    group = offset_fetch.OffsetFetchRequestGroup("g", topics=[wanted] * 10)
    offsets = client.ask(offset_fetch.OffsetFetchRequest(groups=[group]), version=8)
    assert [[len(t.partitions) for t in g.topics] for g in offsets.groups] == [[2]]
    client.at(8) >> offset_fetch.OffsetFetchRequest(groups=[group] * 200)
    assert client.closed


def test_too_many_topics_at_a_time_are_not_made() -> None:
    room = KafkaRoom()
    client = room.dialog()
    topics = [create_topics.CreatableTopic(f"t{n}", 1, 1) for n in range(10_001)]
    client >> create_topics.CreateTopicsRequest(topics, validate_only=True)
    assert client.closed
    assert not room.broker.topics


def logged_in(room: KafkaRoom) -> tuple[KafkaDialog, int, str | None]:
    """Log in; return the connection, the error code and what was said about it."""
    dialog = room.dialog()
    dialog.ask(SaslHandshakeRequest("PLAIN"))
    answer = dialog.ask(SaslAuthenticateRequest(b"\0ada\0secret"))
    return dialog, answer.error_code, answer.error_message


def test_a_user_has_so_many_connections_whatever_they_speak() -> None:
    """The limits of RabbitMQ's API hold here, too: one user, one limit."""
    room = KafkaRoom(LOCKED, users=Users(USERS))
    room.broker.presence.limits.put("ada", {"max-connections": 2})
    room.broker.presence.enter("ada", "/")  # by AMQP
    first, code, _ = logged_in(room)
    assert code == 0

    second, code, why = logged_in(room)
    assert code != 0
    assert why is not None
    assert why.endswith("connection refused for user 'ada': user connection limit (2) is reached")
    assert second.session.closed

    first.session.peer_gone()
    assert logged_in(room)[1] == 0


def test_the_connections_of_topics_count_for_their_virtual_host() -> None:
    room = KafkaRoom(LOCKED, users=Users(USERS))
    room.broker.policies.put_limit("/", "max-connections", 0)
    _, code, why = logged_in(room)
    assert (code != 0, "access to vhost '/' refused for user 'ada'" in str(why)) == (True, True)


def test_producers_wait_while_memory_or_disk_is_short() -> None:
    """Other requests of theirs do, too, once they are behind it; those of consumers do not."""
    room = KafkaRoom()
    producer, consumer = room.dialog(), room.dialog()
    room.broker.flow.set("memory", True)
    empty = produce.ProduceRequest(None, -1, 1000, [])
    producer.send(producer.encode(empty) + producer.encode(ApiVersionsRequest()))
    consumer.send(consumer.encode(ApiVersionsRequest()))
    assert (answers(producer), answers(consumer)) == (0, 1)
    assert not producer.session.reading
    assert not producer.session.more

    room.broker.flow.set("memory", False)
    assert producer.session.more
    assert finish(producer.session) > 0
    assert answers(producer) == 2
    assert producer.session.reading

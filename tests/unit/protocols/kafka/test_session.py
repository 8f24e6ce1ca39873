"""A connection as a whole: frames in any pieces, answers in order, limits, and hostile bytes."""

import importlib
from itertools import pairwise
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anymq.protocols.kafka.api import registry
from anymq.protocols.kafka.codec import RequestHeader, encode_request_header, frame
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    api_versions,
    create_topics,
    fetch,
    find_coordinator,
    heartbeat,
    list_groups,
    list_offsets,
    metadata,
    produce,
)
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.protocols.session import Outbox
from anymq.security.users import Users
from anymq.storage import records
from anymq.storage.errors import LogFailed
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom

APIS = registry.load()
NEW_TOPIC = create_topics.CreateTopicsRequest([create_topics.CreatableTopic("orders", 1, 1)])


def produce_one(acks: int = -1, topic: str = "orders") -> produce.ProduceRequest:
    batch = records.build([Record(b"value")])
    data = [
        produce.TopicProduceData(topic, partition_data=[produce.PartitionProduceData(0, batch)])
    ]
    return produce.ProduceRequest(None, acks, 1000, data)


# -- frames


def _conversation(dialog: KafkaDialog) -> bytes:
    requests = [
        api_versions.ApiVersionsRequest("tester", "1"),
        NEW_TOPIC,
        metadata.MetadataRequest(topics=None),
        heartbeat.HeartbeatRequest("readers", 1, "nobody"),
        list_groups.ListGroupsRequest(),
    ]
    frames = [dialog.encode(request) for request in requests]
    frames.append(dialog.at(9).encode(produce_one()))
    return b"".join(frames)


def _all_at_once() -> tuple[bytes, list[bytes]]:
    dialog = KafkaRoom().dialog()
    sent = _conversation(dialog)
    dialog.send(sent)
    return sent, list(dialog.answers())


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_split_of_the_bytes_gives_the_same_answers(data: st.DataObject) -> None:
    """The network cuts where it likes."""
    sent, expected = _all_at_once()
    cuts = data.draw(st.lists(st.integers(0, len(sent)), max_size=12).map(sorted))
    dialog = KafkaRoom().dialog()
    for start, end in pairwise([0, *cuts, len(sent)]):
        dialog.send(sent[start:end])
    assert list(dialog.answers()) == expected
    assert len(expected) == 6


def test_one_byte_at_a_time() -> None:
    sent, expected = _all_at_once()
    dialog = KafkaRoom().dialog()
    for position in range(len(sent)):
        dialog.send(sent[position : position + 1])
    assert list(dialog.answers()) == expected


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: str(api.name))
@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_no_bytes_can_make_a_session_raise(api: registry.Api, data: st.DataObject) -> None:
    """Whatever follows a good header: an answer or a closed connection."""
    version = data.draw(st.sampled_from([*api.versions, -1, 99]))
    body = data.draw(st.binary(max_size=120))
    header = RequestHeader(api.key, version, 7, data.draw(st.sampled_from([None, "", "x"])))
    dialog = KafkaRoom().dialog()
    dialog.send(frame(encode_request_header(header, api.request_has_tags(version)), body))
    dialog.room.write_to_disk()
    dialog.room.pass_time(400)
    dialog.hang_up()


@pytest.mark.parametrize("api", APIS.values(), ids=lambda api: str(api.name))
def test_an_empty_request_of_every_version_is_answered(api: registry.Api) -> None:
    """What a request says when it says nothing is no reason to fail."""
    room = KafkaRoom()
    schema = importlib.import_module(api.decode_request.__module__)
    request = getattr(schema, f"{api.name}Request")()
    if isinstance(request, produce.ProduceRequest):
        request.acks = -1  # else there is no answer
    for version in api.versions:
        room.dialog().ask(request, version)


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=300))
def test_noise_closes_the_connection_at_most(noise: bytes) -> None:
    dialog = KafkaRoom().dialog()
    dialog.send(noise)
    dialog.hang_up()


def test_a_frame_that_is_too_long_is_refused_before_it_comes(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    """A length is a promise: nothing is kept for it, and a mad one ends the connection."""
    client.send(pack(">i", room.kafka.settings.frame_bytes_max + 1))
    assert client.closed


def test_a_request_nobody_knows_closes(client: KafkaDialog) -> None:
    """The reason is for the log; nobody answers."""
    client.send(frame(pack(">hhih", 4_000, 0, 1, -1)))
    assert client.closed
    assert not client.answers()
    assert "unknown request 4000" in client.session.reason


def test_a_version_nobody_knows_closes(client: KafkaDialog) -> None:
    client.send(frame(pack(">hhih", metadata.KEY, 99, 1, -1)))
    assert client.closed
    assert not client.answers()


def test_a_newer_client_hears_in_the_oldest_words_what_we_speak(client: KafkaDialog) -> None:
    """It asks for ApiVersions in a version of the future, and again with what this answers."""
    client.send(frame(pack(">hhih", api_versions.KEY, 77, 5, -1)))
    (answer,) = client.answers()
    said = api_versions.decode_response(answer, 4, 0)
    assert said.error_code == ErrorCode.UNSUPPORTED_VERSION
    ours = next(one for one in said.api_keys if one.api_key == api_versions.KEY)
    assert (ours.min_version, ours.max_version) == (0, 4)
    assert not client.closed


# -- answers


def test_answers_come_in_the_order_of_the_requests(room: KafkaRoom, client: KafkaDialog) -> None:
    """The first waits for the disk, the second could be answered at once: it waits its turn."""
    client.ask(NEW_TOPIC)
    room.disk_waits = True
    client.at(9) >> produce_one() >> heartbeat.HeartbeatRequest("g", 1, "m") << None
    room.disk_waits = False
    client.answers()
    assert isinstance(client.answer(), produce.ProduceResponse)
    assert isinstance(client.answer(), heartbeat.HeartbeatResponse)


def test_a_request_sees_what_the_one_before_has_done(room: KafkaRoom, client: KafkaDialog) -> None:
    """Though the client did not wait for its answer: with Kafka it need not."""
    client.ask(NEW_TOPIC)
    room.disk_waits = True
    wanted = list_offsets.ListOffsetsTopic("orders", [list_offsets.ListOffsetsPartition(0, -1, -1)])
    client.at(9) >> produce_one()
    client >> list_offsets.ListOffsetsRequest(-1, topics=[wanted])
    client.at(9) >> produce_one()
    room.disk_waits = False
    client.answers()
    assert isinstance(client.answer(), produce.ProduceResponse)
    assert client.answer().topics[0].partitions[0].offset == 1
    assert client.answer().responses[0].partition_responses[0].base_offset == 1


def test_batches_go_to_the_disk_together(room: KafkaRoom, client: KafkaDialog) -> None:
    """A producer has five requests under way: one sync serves them all."""
    client.ask(NEW_TOPIC)
    room.disk_waits = True
    for _ in range(5):
        client.at(9) >> produce_one()
    assert room.broker.topic("orders").partition(0).log.end == 5
    client << None


def test_what_had_to_wait_may_still_be_nonsense(room: KafkaRoom, client: KafkaDialog) -> None:
    """It closes its own connection, after the answer to what was asked before."""
    client.ask(NEW_TOPIC)
    room.disk_waits = True
    client.at(9) >> produce_one()
    client.send(frame(pack(">hhih", metadata.KEY, 99, 1, -1)))
    assert not client.closed
    room.disk_waits = False
    assert isinstance(client.answer(), produce.ProduceResponse)
    assert client.closed


def test_acks_0_is_not_answered(room: KafkaRoom, client: KafkaDialog) -> None:
    """Who wants no answer gets none, and the next answer belongs to the next request."""
    client.ask(NEW_TOPIC)
    client.send(client.at(9).encode(produce_one(acks=0), awaits_answer=False))
    client >> heartbeat.HeartbeatRequest("g", 1, "m")
    assert isinstance(client.answer(), heartbeat.HeartbeatResponse)
    assert room.broker.topic("orders").partition(0).visible_end == 1


def test_acks_0_that_failed_hangs_up(client: KafkaDialog) -> None:
    """There is no other way to say so: the client looks for the leader again."""
    client.send(client.at(9).encode(produce_one(acks=0), awaits_answer=False))
    assert client.closed


def test_acks_0_is_held_back_while_the_disk_is_busy() -> None:
    """A producer that awaits nothing and is faster than the disk must not fill the memory."""
    room = KafkaRoom(KafkaSettings(in_flight_bytes_max=1000))
    client = room.dialog()
    client.ask(NEW_TOPIC)
    woken: list[bool] = []
    client.outbox = client.session._outbox = Outbox(lambda: woken.append(client.session.reading))
    room.disk_waits = True
    for _ in range(20):
        client.send(client.at(9).encode(produce_one(acks=0), awaits_answer=False))
    assert not client.session.reading
    assert client.session.busy
    woken.clear()
    room.write_to_disk()
    assert woken[-1]
    assert not client.session.busy
    assert client.taken() == b""


@pytest.mark.parametrize("acks", [0, -1])
def test_who_produces_waits_while_the_disk_is_behind(
    room: KafkaRoom, client: KafkaDialog, acks: int
) -> None:
    """What all producers sent and is not written yet has one limit; others do not wait for it."""
    client.ask(NEW_TOPIC)
    other, backlog = room.dialog(), room.broker.backlog
    frame_ = client.at(9).encode(produce_one(acks), awaits_answer=False)
    backlog.limit = 10 * len(frame_)
    room.disk_waits = True
    while client.session.reading:
        client.send(frame_)
    assert backlog.limit <= backlog.size < backlog.limit + len(frame_)
    assert not client.session.more
    other.at(9).send(other.encode(produce_one(), awaits_answer=False))
    assert not other.session.reading
    assert room.dialog().ask(api_versions.ApiVersionsRequest("tester", "1")).error_code == 0
    room.disk_waits = False
    for each in (client, other):
        each.answers()
        assert each.session.reading
    count = room.broker.topic("orders").partition(0).visible_end
    assert backlog.size == 0
    assert count > 10


def test_acks_0_that_the_disk_refused_hangs_up(room: KafkaRoom, client: KafkaDialog) -> None:
    client.ask(NEW_TOPIC)
    room.disk_waits = True
    client.send(client.at(9).encode(produce_one(acks=0), awaits_answer=False))
    room.broker.topic("orders").partition(0).log.fail(LogFailed("EIO"))
    assert client.closed


def test_who_does_not_take_its_answers_has_to_wait() -> None:
    """Memory for one connection has a limit."""
    room = KafkaRoom(KafkaSettings(unsent_bytes_max=200))
    client = room.dialog()
    assert client.session.reading
    client >> api_versions.ApiVersionsRequest("tester", "1")
    room.write_to_disk()
    assert not client.session.reading
    client.taken()
    assert client.session.reading


def test_who_has_too_much_under_way_has_to_wait() -> None:
    room = KafkaRoom(KafkaSettings(in_flight_calls_max=2))
    client = room.dialog()
    client.ask(NEW_TOPIC)
    room.disk_waits = True
    client.at(9) >> produce_one()
    assert client.session.reading
    client.at(9) >> produce_one()
    assert not client.session.reading
    room.write_to_disk()
    assert client.session.reading


def test_a_peer_that_leaves_takes_its_waiting_fetch_along(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    client.ask(NEW_TOPIC)
    topic = fetch.FetchTopic("orders", partitions=[fetch.FetchPartition(0, partition_max_bytes=9)])
    client.at(11) >> fetch.FetchRequest(max_wait_ms=60_000, min_bytes=1, topics=[topic]) << None
    client.hang_up()
    other = room.dialog()
    other.ask(produce_one(), 9)
    assert room.timers.next_due() is None


def test_a_silent_peer_is_hung_up_on(room: KafkaRoom, client: KafkaDialog) -> None:
    client.ask(api_versions.ApiVersionsRequest("tester", "1"))
    room.pass_time(599)
    client.session.tick(room.clock.seconds)
    assert not client.closed
    room.pass_time(2)
    client.session.tick(room.clock.seconds)
    assert client.closed


# -- who is it?


def test_nothing_is_done_for_who_has_to_log_in_first() -> None:
    settings = KafkaSettings(sasl_mechanisms=("PLAIN",), login_required=True)
    client = KafkaRoom(settings, users=Users({"ann": ["secret"]})).dialog()
    client.ask(api_versions.ApiVersionsRequest("tester", "1"))
    client >> find_coordinator.FindCoordinatorRequest(coordinator_keys=["g"])
    assert client.closed
    assert not client.answers()


def test_before_the_login_frames_are_small() -> None:
    """Strangers get little memory."""
    settings = KafkaSettings(
        sasl_mechanisms=("PLAIN",), login_required=True, frame_bytes_max_unauthenticated=500
    )
    client = KafkaRoom(settings).dialog()
    client.send(pack(">i", 501))
    assert client.closed

"""A connection as a whole: what is answered, what waits, what ends it."""

from dataclasses import replace

import pytest

from anymq.core.flow import MEMORY
from anymq.protocols.rocketmq.codec import Frame, Kind, encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.testing.rocketmq import RocketMqRoom, pull_fields, send_fields


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic("t", 2)
    return room


def test_a_send_is_answered_when_the_disk_has_it(room: RocketMqRoom) -> None:
    """A producer that has its answer may forget the message, so the disk comes first."""
    client = room.client()
    room.disk_waits = True
    opaque = client.say(RequestCode.SEND_MESSAGE_V2, send_fields("t", 0, {}), b"hello")
    assert client.answer(opaque) is None
    assert client.session.busy
    room.disk_waits = False
    room.settle()
    answer = client.answer(opaque)
    assert answer is not None
    assert (answer.code, answer.ext["queueId"], answer.ext["queueOffset"]) == (0, "0", "0")
    assert not client.session.busy


def test_who_sends_oneway_hears_nothing(room: RocketMqRoom) -> None:
    client = room.client()
    client.say(RequestCode.SEND_MESSAGE_V2, send_fields("t", 0, {}), b"hello", oneway=True)
    assert client.frames() == []
    assert [one.body for one in client.pulled("t")] == [b"hello"]


@pytest.mark.parametrize("kind", Kind)
def test_an_answer_is_written_as_its_question(room: RocketMqRoom, kind: Kind) -> None:
    client = room.client()
    client.kind = kind
    assert client.send("t").kind is kind


def test_answers_need_not_come_in_order(room: RocketMqRoom) -> None:
    """A pull that waits holds up nobody."""
    client = room.client()
    waiting = client.say(RequestCode.PULL_MESSAGE, pull_fields("t", 0, 0, "G", sysFlag=6))
    assert client.answer(waiting) is None
    assert client.send("t", b"news").code == ResponseCode.SUCCESS
    answer = client.answer(waiting)
    assert answer is not None
    assert answer.code == ResponseCode.SUCCESS


def test_what_nobody_knows_is_not_supported(room: RocketMqRoom) -> None:
    answer = room.client().ask(RequestCode.CHECK_ROCKSDB_CQ_WRITE_PROGRESS)
    assert answer.code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED
    assert room.rocketmq.counters.by_kind()["rocketmq", "CHECK_ROCKSDB_CQ_WRITE_PROGRESS"] == 1


def test_what_is_not_the_protocol_ends_it(room: RocketMqRoom) -> None:
    client = room.client()
    client.feed(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    assert client.session.closed
    assert client.session.reason.startswith("not RocketMQ's protocol")
    assert room.rocketmq.counters.malformed == 1


def test_who_sends_is_refused_while_memory_is_short(room: RocketMqRoom) -> None:
    """Producers try again; consumers, who make room, go on."""
    client = room.client()
    client.send("t", b"before")
    room.broker.flow.set(MEMORY, True)
    assert client.send("t").code == ResponseCode.SYSTEM_BUSY
    assert [one.body for one in client.pulled("t")] == [b"before"]
    room.broker.flow.set(MEMORY, False)
    assert client.send("t").code == ResponseCode.SUCCESS


def test_who_has_much_under_way_is_read_no_further(room: RocketMqRoom) -> None:
    room.rocketmq.settings = replace(room.rocketmq.settings, requests_max=3)
    client = room.client()
    room.disk_waits = True
    said = encode(RequestCode.SEND_MESSAGE_V2, 1, 0, send_fields("t", 0, {}), b"x")
    client.feed(said * 5)
    assert not client.session.reading
    assert client.session.unfinished_bytes == 2 * len(said)
    room.disk_waits = False
    room.settle(client)
    assert client.session.reading
    assert len(client.frames()) == 5


def test_more_pulls_than_may_wait_are_answered_at_once(room: RocketMqRoom) -> None:
    room.rocketmq.settings = RocketMqSettings(pulls_max=1)
    client = room.client()
    fields = pull_fields("t", 0, 0, "G", sysFlag=6)
    first = client.say(RequestCode.PULL_MESSAGE, fields)
    assert client.answer(first) is None
    assert client.ask(RequestCode.PULL_MESSAGE, fields).code == ResponseCode.PULL_NOT_FOUND


def test_who_is_silent_is_hung_up_on(room: RocketMqRoom) -> None:
    room.rocketmq.settings = RocketMqSettings(idle_seconds_max=5)
    client = room.client()
    client.ask(RequestCode.GET_MAX_OFFSET, {"topic": "t", "queueId": 0})
    room.let_pass(6)
    assert (client.session.closed, client.session.reason) == (True, "idle")


def test_who_waits_for_messages_is_not_silent(room: RocketMqRoom) -> None:
    room.rocketmq.settings = RocketMqSettings(idle_seconds_max=5)
    client = room.client()
    client.say(RequestCode.PULL_MESSAGE, pull_fields("t", 0, 0, "G", sysFlag=6))
    room.let_pass(10)
    assert not client.session.closed


def test_half_a_request_is_not_waited_for_without_end(room: RocketMqRoom) -> None:
    room.rocketmq.settings = RocketMqSettings(frame_seconds_max=3)
    client = room.client()
    client.feed(encode(RequestCode.GET_MAX_OFFSET, 1, 0, {"topic": "t"})[:-1])
    room.let_pass(10)
    assert client.session.reason == "a request was not whole in time"


def test_questions_of_ours_find_their_answers(room: RocketMqRoom) -> None:
    """Or nobody answers: then that is what we hear, once."""
    client = room.client()
    heard: list[Frame | None] = []
    for _ in range(3):
        client.session.ask(RequestCode.GET_CONSUMER_RUNNING_INFO, {}, heard.append)
    first, *_ = client.told()
    client.feed(encode(0, first.opaque, 1, {}, b"fine"))
    assert [one.body for one in heard if one is not None] == [b"fine"]
    room.let_pass(60)
    assert heard[1:] == [None, None]
    client.session.ask(RequestCode.GET_CONSUMER_RUNNING_INFO, {}, heard.append)
    client.hang_up()
    assert heard[3:] == [None]


def test_who_goes_leaves_nothing(room: RocketMqRoom) -> None:
    client = room.client()
    for queue in (0, 1):
        client.say(RequestCode.PULL_MESSAGE, pull_fields("t", 0, queue, "G", sysFlag=6))
    client.hang_up()
    assert not room.rocketmq.connected
    assert room.rocketmq.memory.used == 0
    room.client().send("t", b"for nobody")


def test_connections_are_shown_as_those_of_others(room: RocketMqRoom) -> None:
    client = room.client()
    client.send("t")
    session = client.session
    assert (session.protocol, session.vhost_name, session.language) == ("RocketMQ", "/", "JAVA")
    assert session in room.rocketmq.connected

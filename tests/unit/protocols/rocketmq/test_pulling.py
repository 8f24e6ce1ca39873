"""Pulling: what each state of a queue is answered, as clients decide by it; and waiting."""

from collections.abc import Sequence
from typing import Any

import pytest

from anymq.core.queues.delivery import Delivery
from anymq.core.taps import Origin
from anymq.protocols.rocketmq.codec import Frame, encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import read_messages
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.storage.batch import BatchHeader, read_header
from anymq.storage.records import encode_with_headers, seal
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, pull_fields

SUSPEND = 2 | 4
COMMIT = 1


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic("t")
    return room


def place(answer: Frame) -> tuple[int, int, int]:
    """Where to go on, and what there is."""
    ext = answer.ext
    assert ext["suggestWhichBrokerId"] == "0"
    return int(ext["nextBeginOffset"]), int(ext["minOffset"]), int(ext["maxOffset"])


def wait(client: RocketMqDialog, offset: int = 0, **fields: object) -> int:
    asked = pull_fields("t", offset, 0, "G", **{"sysFlag": SUSPEND, **fields})
    return client.say(RequestCode.PULL_MESSAGE, asked)


def test_what_is_there_comes_at_once(room: RocketMqRoom) -> None:
    client = room.client()
    for number in range(3):
        client.send("t", b"%d" % number)
    answer = client.pull("t", 1)
    assert (answer.code, answer.remark) == (ResponseCode.SUCCESS, "FOUND")
    assert [one.body for one in read_messages(answer.body)] == [b"1", b"2"]
    assert place(answer) == (3, 0, 3)


def test_no_more_than_was_asked_for(room: RocketMqRoom) -> None:
    client = room.client()
    for number in range(5):
        client.send("t", b"%d" % number)
    answer = client.pull("t", maxMsgNums=2)
    assert len(list(read_messages(answer.body))) == 2
    assert place(answer) == (2, 0, 5)


def test_no_more_bytes_than_there_may_be_but_one(room: RocketMqRoom) -> None:
    room.rocketmq.settings = RocketMqSettings(pull_bytes_max=1000)
    client = room.client()
    for _ in range(3):
        client.send("t", bytes(700))
    assert place(client.pull("t"))[0] == 2
    client.send("t", bytes(5000))
    assert place(client.pull("t", 3))[0] == 4


def test_at_the_end_there_is_nothing_yet(room: RocketMqRoom) -> None:
    client = room.client()
    answer = client.pull("t")
    assert (answer.code, place(answer)) == (ResponseCode.PULL_NOT_FOUND, (0, 0, 0))
    client.send("t")
    answer = client.pull("t", 1)
    assert (answer.code, place(answer)) == (ResponseCode.PULL_NOT_FOUND, (1, 0, 1))


@pytest.mark.parametrize(("offset", "next_offset"), [(-1, 2), (1, 2), (7, 5), (10**12, 5)])
def test_what_is_not_there(room: RocketMqRoom, offset: int, next_offset: int) -> None:
    """Deleted already, or never written: the client is told where there is something."""
    client = room.client()
    for _ in range(5):
        client.send("t")
    room.broker.delete_records(room.broker.topic("t").partition(0), 2)
    room.settle()
    answer = client.pull("t", offset)
    assert (answer.code, place(answer)) == (ResponseCode.PULL_OFFSET_MOVED, (next_offset, 2, 5))


def test_an_empty_queue_sends_back_to_its_start(room: RocketMqRoom) -> None:
    answer = room.client().pull("t", 7)
    assert (answer.code, place(answer)) == (ResponseCode.PULL_OFFSET_MOVED, (0, 0, 0))


def test_no_such_topic_or_queue(room: RocketMqRoom) -> None:
    client = room.client()
    assert client.pull("nowhere").code == ResponseCode.TOPIC_NOT_EXIST
    assert client.pull("t", queue=1).code == ResponseCode.INVALID_PARAMETER


def test_who_waits_gets_what_comes(room: RocketMqRoom) -> None:
    client = room.client()
    opaque = wait(client)
    assert client.answer(opaque) is None
    room.client().send("t", b"news")
    answer = client.answer(opaque)
    assert answer is not None
    assert [one.body for one in read_messages(answer.body)] == [b"news"]


def test_who_waits_is_told_when_nothing_comes(room: RocketMqRoom) -> None:
    client = room.client()
    opaque = wait(client, suspendTimeoutMillis=5000)
    room.let_pass(4)
    assert client.answer(opaque) is None
    room.let_pass(2)
    answer = client.answer(opaque)
    assert answer is not None
    assert (answer.code, place(answer)) == (ResponseCode.PULL_NOT_FOUND, (0, 0, 0))


def test_nobody_waits_longer_than_is_good(room: RocketMqRoom) -> None:
    client = room.client()
    opaque = wait(client, suspendTimeoutMillis=10**9)
    room.let_pass(room.rocketmq.settings.suspend_ms_max / 1000 + 1)
    assert client.answer(opaque) is not None


def test_what_does_not_pass_wakes_nobody(room: RocketMqRoom) -> None:
    """And is not looked at again: who waited goes on behind it."""
    client = room.client()
    opaque = wait(client, subscription="a || b", suspendTimeoutMillis=5000)
    client.send("t", TAGS="c")
    assert client.answer(opaque) is None
    room.let_pass(6)
    answer = client.answer(opaque)
    assert answer is not None
    assert (answer.code, place(answer)) == (ResponseCode.PULL_NOT_FOUND, (1, 0, 1))


def test_tags_choose(room: RocketMqRoom) -> None:
    client = room.client()
    for tag in "abcab":
        client.send("t", tag.encode(), TAGS=tag)
    client.send("t", b"none")
    assert [one.body for one in client.pulled("t", subscription="a||c")] == [b"a", b"c", b"a"]
    assert len(client.pulled("t", subscription="*")) == 6
    answer = client.pull("t", subscription="a")
    assert place(answer)[0] == 6


def test_a_condition_chooses(room: RocketMqRoom) -> None:
    client = room.client()
    for number in range(5):
        client.send("t", b"%d" % number, n=str(number))
    asked: dict[str, Any] = {"subscription": "n > 2", "expressionType": "SQL92"}
    assert [one.body for one in client.pulled("t", **asked)] == [b"3", b"4"]
    answer = client.pull("t", subscription="n >", expressionType="SQL92")
    assert answer.code == ResponseCode.SUBSCRIPTION_PARSE_FAILED


def test_a_pull_says_how_far_its_group_is(room: RocketMqRoom) -> None:
    client = room.client()
    for _ in range(3):
        client.send("t")
    client.pull("t", sysFlag=COMMIT | 4, commitOffset=2)
    where = {"consumerGroup": "G", "topic": "t", "queueId": 0}
    assert client.ask(RequestCode.QUERY_CONSUMER_OFFSET, where).ext["offset"] == "2"
    kept = room.broker.groups.offsets.of("G")
    assert not kept.offsets
    room.let_pass(2)
    assert kept is not room.broker.groups.offsets.of("G")
    assert room.broker.groups.offsets.of("G").offsets["t"][0].offset == 2


def test_without_a_subscription_the_groups_counts(room: RocketMqRoom) -> None:
    """As its members said in their heartbeats; without one, nobody knows what to give."""
    answer = room.client().pull("t", sysFlag=2)
    assert answer.code == ResponseCode.SUBSCRIPTION_NOT_EXIST


def test_a_topic_that_goes_wakes_who_waits(room: RocketMqRoom) -> None:
    client = room.client()
    opaque = wait(client)
    room.broker.delete_topic("t")
    room.settle()
    answer = client.answer(opaque)
    assert answer is not None
    assert answer.code == ResponseCode.PULL_RETRY_IMMEDIATELY
    assert client.pull("t").code == ResponseCode.TOPIC_NOT_EXIST


def test_offsets(room: RocketMqRoom) -> None:
    client = room.client()
    where = {"topic": "t", "queueId": 0}
    oldest = client.ask(RequestCode.GET_EARLIEST_MSG_STORETIME, where)
    assert oldest.ext["timestamp"] == "-1"
    times = []
    for _ in range(3):
        times.append(room.clock.wall_ms())
        client.send("t")
        room.let_pass(10)
    assert client.ask(RequestCode.GET_MAX_OFFSET, where).ext["offset"] == "3"
    assert client.ask(RequestCode.GET_MIN_OFFSET, where).ext["offset"] == "0"
    oldest = client.ask(RequestCode.GET_EARLIEST_MSG_STORETIME, where)
    assert oldest.ext["timestamp"] == str(times[0])
    for said, upper, offset in (
        (times[1], False, "1"),
        (times[1] + 1, False, "2"),
        (0, False, "0"),
        (times[2] + 1, False, "3"),
        (times[1], True, "1"),
        (times[2] + 1, True, "2"),
    ):
        boundary = "UPPER" if upper else "LOWER"
        asked = {**where, "timestamp": said, "boundaryType": boundary}
        answer = client.ask(RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, asked)
        assert answer.ext["offset"] == offset, (said, boundary)


def test_a_new_group_begins_where_nothing_was_deleted(room: RocketMqRoom) -> None:
    client = room.client()
    client.send("t")
    where = {"consumerGroup": "new", "topic": "t", "queueId": 0}
    assert client.ask(RequestCode.QUERY_CONSUMER_OFFSET, where).ext["offset"] == "0"
    asked = {**where, "setZeroIfNotFound": "false"}
    answer = client.ask(RequestCode.QUERY_CONSUMER_OFFSET, asked)
    assert answer.code == ResponseCode.QUERY_NOT_FOUND
    room.broker.delete_records(room.broker.topic("t").partition(0), 1)
    room.settle()
    answer = client.ask(RequestCode.QUERY_CONSUMER_OFFSET, where)
    assert answer.code == ResponseCode.QUERY_NOT_FOUND


def test_progress_is_answered_when_the_disk_has_it(room: RocketMqRoom) -> None:
    """And is Kafka's, too: one view of who has read how far."""
    client = room.client()
    where = {"consumerGroup": "G", "topic": "t", "queueId": 0}
    room.disk_waits = True
    opaque = client.say(RequestCode.UPDATE_CONSUMER_OFFSET, {**where, "commitOffset": 5})
    assert client.answer(opaque) is None
    assert client.ask(RequestCode.QUERY_CONSUMER_OFFSET, where).ext["offset"] == "5"
    room.disk_waits = False
    room.settle()
    assert client.answer(opaque) is not None
    assert room.broker.groups.offsets.of("G").offsets["t"][0].offset == 5


def test_progress_survives_a_stop(room: RocketMqRoom) -> None:
    client = room.client()
    where = {"consumerGroup": "G", "topic": "t", "queueId": 0}
    client.say(RequestCode.UPDATE_CONSUMER_OFFSET, {**where, "commitOffset": 5}, oneway=True)
    room.rocketmq.say_goodbye()
    room.settle()
    assert room.broker.groups.offsets.of("G").offsets["t"][0].offset == 5


def test_who_takes_nothing_is_not_given_more(room: RocketMqRoom) -> None:
    """Thousands of pulls may wait on one connection, and all would be answered by one message."""
    room.rocketmq.settings = RocketMqSettings(delivery_bytes_max=10_000)
    client = room.client()
    room.dialogs.remove(client)  # its carrier takes nothing
    for _ in range(20):
        client.session.receive(memoryview(waiting_pull()))
    room.client().send("t", bytes(4000))
    assert 8000 < client.outbox.size < 20_000
    assert len(client.frames()) == 20


def waiting_pull() -> bytes:
    fields = pull_fields("t", 0, 0, "G", sysFlag=SUSPEND)
    return encode(RequestCode.PULL_MESSAGE, 1, 0, fields)


def test_a_record_whose_headers_are_none_hides_no_other(room: RocketMqRoom) -> None:
    """Anybody may write one by Kafka's protocol."""
    partition = room.broker.topic("t").partition(0)
    parts = [
        encode_with_headers(0, 0, None, b"good", b"\0"),
        encode_with_headers(1, 0, None, b"bad", b"\x7f"),
        encode_with_headers(2, 0, None, b"good, too", b"\0"),
    ]
    now_ms = room.clock.wall_ms()
    batch = seal(b"".join(parts), BatchHeader(0, 0, 0, 2, 0, 0, 2, now_ms, now_ms, -1, -1, -1, 3))
    partition.append(batch, read_header(batch), now_ms, None)
    room.settle()
    assert [one.body for one in room.client().pulled("t")] == [b"good", b"good, too"]


class Listener:
    """What it hears of deliveries."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int, bytes, str]] = []

    def appended(self, *_: object) -> None:
        """Not this."""

    def delivered(
        self, queue: str, deliveries: Sequence[Delivery], who: Origin, *, no_ack: bool
    ) -> None:
        for one in deliveries:
            self.heard.append((queue, one.position, one.message.body, who.protocol))


def test_who_listens_hears_what_went_out(room: RocketMqRoom) -> None:
    client, listener = room.client(), Listener()
    room.broker.topic("t").taps.tap = listener  # type: ignore[assignment]  # the rest is not asked
    for tag in "abab":
        client.send("t", tag.encode(), TAGS=tag)
    client.pulled("t", 1, subscription="b")
    assert listener.heard == [("t", 1, b"b", "rocketmq"), ("t", 3, b"b", "rocketmq")]

"""Messages found again: by where they are, by key, by unique id, by tag."""

import json
from typing import Any

import pytest

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.finding import likely_times
from anymq.protocols.rocketmq.layout import Stored, read_message_id, read_messages
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.storage.batch import read_header
from anymq.storage.compression import Compression
from anymq.storage.records import Record, build
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom

NOW_MS = 1_700_000_000_000  # 14 November 2023, 22:13:20 UTC
MONTH_MS = 1_698_796_800_000  # 1 November
MINUTE_MS = 60_000


@pytest.fixture
def room() -> RocketMqRoom:
    room = RocketMqRoom()
    room.make_topic("T", queues=2)
    return room


@pytest.fixture
def client(room: RocketMqRoom) -> RocketMqDialog:
    return room.client()


def query(client: RocketMqDialog, key: str, topic: str = "T", **fields: object) -> list[Stored]:
    """Ask for all of a topic; nothing when it says that there is nothing."""
    said = {"topic": topic, "key": key, "maxNum": 32, "beginTimestamp": 0, **fields}
    answer = client.ask(RequestCode.QUERY_MESSAGE, {"endTimestamp": (1 << 63) - 1, **said})
    if answer.code == ResponseCode.QUERY_NOT_FOUND:
        return []
    assert answer.code == ResponseCode.SUCCESS, answer
    assert "indexLastUpdateTimestamp" in answer.ext
    return list(read_messages(answer.body))


def test_by_the_id_that_a_send_answered(client: RocketMqDialog) -> None:
    """Whatever queue it is in; old clients do not say the topic."""
    answers = [client.send("T", b"%d" % number, queue=1, TAGS="red") for number in range(3)]
    place = read_message_id(answers[-1].ext["msgId"])
    assert place is not None
    for fields in ({}, {"topic": "T"}, {"topic": "other"}):
        found = client.ask(RequestCode.VIEW_MESSAGE_BY_ID, {"offset": place[1], **fields})
        [message] = read_messages(found.body)
        assert (message.body, message.queue, message.offset) == (b"2", 1, 2)


@pytest.mark.parametrize("offset", [0, 12345, 1 << 60])
def test_no_message_there(client: RocketMqDialog, offset: int) -> None:
    """As RocketMQ says it."""
    answer = client.ask(RequestCode.VIEW_MESSAGE_BY_ID, {"offset": offset})
    assert answer.code == ResponseCode.SYSTEM_ERROR
    assert "can not find message by the offset" in answer.remark


def test_by_key(client: RocketMqDialog) -> None:
    """Any of the words of KEYS, and nothing that only looks like it."""
    client.send("T", b"1", queue=0, KEYS="order-7 customer-1")
    client.send("T", b"order-7", queue=0, KEYS="order-77")
    client.send("T", b"2", queue=1, KEYS="order-7", other="order-7")
    assert [message.body for message in query(client, "order-7")] == [b"1", b"2"]
    assert [message.body for message in query(client, "customer-1")] == [b"1"]
    assert query(client, "order") == []


def test_by_unique_id(client: RocketMqDialog) -> None:
    """Which any client may have made, in any form; and KEYS are not meant then."""
    ids = ["7F0000010A9F18B4AAC2" + f"{NOW_MS - MONTH_MS:08X}0001", "made-by-somebody"]
    for name in ids:
        client.send("T", name.encode(), UNIQ_KEY=name)
        client.send("T", b"not it", KEYS=name)
    for name in ids:
        [message] = query(client, name, _UNIQUE_KEY_QUERY="true")
        assert message.body == name.encode()
        assert name.encode() in [message.body for message in query(client, name)]


def test_by_tag(client: RocketMqDialog) -> None:
    """As newer clients ask."""
    client.send("T", b"1", TAGS="red")
    client.send("T", b"red", TAGS="blue")
    assert [message.body for message in query(client, "red", indexType="T")] == [b"1"]


def test_the_newest_of_many(client: RocketMqDialog) -> None:
    """As many as are asked for, in their order."""
    for number in range(9):
        client.send("T", b"%d" % number, queue=0, KEYS="k")
    found = query(client, "k", maxNum=3)
    assert [message.body for message in found] == [b"6", b"7", b"8"]


def test_within_a_time(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """From and to, as the messages were stored."""
    times = []
    for number in range(4):
        client.send("T", b"%d" % number, queue=0, KEYS="k")
        times.append(room.broker.clock.wall_ms())
        room.let_pass(60)
    found = query(client, "k", beginTimestamp=times[1], endTimestamp=times[2])
    assert [message.body for message in found] == [b"1", b"2"]
    assert query(client, "k", beginTimestamp=times[3] + 1) == []


def test_what_kafka_wrote(room: RocketMqRoom, client: RocketMqDialog) -> None:
    """By its key, also when its batches are compressed."""
    partition = room.broker.topic("T").partition(0)
    for compression in (Compression.NONE, Compression.ZSTD):
        records = [Record(b"v%d" % n, b"k%d" % n, (), NOW_MS) for n in range(50)]
        batch = build(records, compression=compression)
        partition.append(batch, read_header(batch), NOW_MS, None)
    room.settle()
    assert [message.body for message in query(client, "k7")] == [b"v7", b"v7"]


def test_it_is_given_up_where_it_takes_too_long() -> None:
    """And says so: the time is to be told closer."""
    room = RocketMqRoom(RocketMqSettings(query_bytes_max=1 << 20))
    room.make_topic("T")
    client = room.client()
    for _ in range(9):
        client.send("T", bytes(200_000))
    said = {"topic": "T", "key": "k", "maxNum": 32, "beginTimestamp": 0, "endTimestamp": 1 << 62}
    answer = client.ask(RequestCode.QUERY_MESSAGE, said)
    assert answer.code == ResponseCode.QUERY_NOT_FOUND
    assert "MiB were looked through" in answer.remark


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"topic": "nothing"}, ResponseCode.TOPIC_NOT_EXIST),
        ({"key": ""}, ResponseCode.INVALID_PARAMETER),
        ({"indexType": "X"}, ResponseCode.INVALID_PARAMETER),
        ({"maxNum": -1}, ResponseCode.INVALID_PARAMETER),
    ],
)
def test_queries_that_make_no_sense(
    client: RocketMqDialog, fields: dict[str, object], code: ResponseCode
) -> None:
    said = {"topic": "T", "key": "k", "maxNum": 1, "beginTimestamp": 0, "endTimestamp": 1}
    assert client.ask(RequestCode.QUERY_MESSAGE, {**said, **fields}).code == code


@pytest.mark.parametrize("zone_hours", [0, 8, -5, 5.5, 14, -12])
@pytest.mark.parametrize("days_ago", [0, 3, 20])
def test_an_id_says_when_it_was_made(zone_hours: float, days_ago: int) -> None:
    """Wherever its maker lives; the likeliest place first."""
    sent_ms = NOW_MS - days_ago * 24 * 60 * MINUTE_MS
    month_ms = MONTH_MS if days_ago < 14 else MONTH_MS - 31 * 24 * 60 * MINUTE_MS
    since = sent_ms - month_ms + int(zone_hours * 60 * MINUTE_MS)
    name = f"7F0000010A9F18B4AAC2{since:08X}0001".encode()
    times = list(likely_times(name, NOW_MS))
    assert any(begin <= sent_ms <= end for begin, end in times)
    if zone_hours == 0:
        assert times[0][0] <= sent_ms <= times[0][1]


def test_an_id_of_an_old_client_for_cpp() -> None:
    """As it was seen: PyPI's `rocketmq` 0.4.4 at this time."""
    times = likely_times(b"0100007F0000F0210000AA1E26710100", 1_795_299_530_000)
    assert any(begin <= 1_795_299_523_650 <= end for begin, end in times)


@pytest.mark.parametrize("name", [b"", b"x" * 32, b"A" * 31, b"\xff" * 32])
def test_other_ids_say_nothing(name: bytes) -> None:
    assert list(likely_times(name, NOW_MS)) == []


@pytest.mark.parametrize(
    ("subscription", "code"),
    [
        ({"expressionType": "SQL92", "subString": "a > 3"}, ResponseCode.SUCCESS),
        ({"expressionType": "TAG", "subString": "a > 3"}, ResponseCode.SUCCESS),
        ({}, ResponseCode.SUCCESS),
        (None, ResponseCode.SUCCESS),
        ({"expressionType": "SQL92", "subString": "a >"}, ResponseCode.SUBSCRIPTION_PARSE_FAILED),
        ({"expressionType": "X", "subString": "a"}, ResponseCode.SUBSCRIPTION_PARSE_FAILED),
        ({"expressionType": 1}, ResponseCode.INVALID_PARAMETER),
    ],
)
def test_a_filter_is_checked(
    client: RocketMqDialog, subscription: object, code: ResponseCode
) -> None:
    """Before a consumer starts with one that nobody understands."""
    body = json.dumps({"clientId": "c", "group": "G", "subscriptionData": subscription}).encode()
    answer = client.ask(RequestCode.CHECK_CLIENT_CONFIG, {}, body)
    assert answer.code == code
    if code == ResponseCode.SUBSCRIPTION_PARSE_FAILED:
        assert answer.remark.startswith("Invalid MessageSelector. ")


def test_filters_at_the_pull(client: RocketMqDialog) -> None:
    """Messages that do not pass are left out, and the offset goes on behind them."""
    for number in range(6):
        client.send("T", b"%d" % number, TAGS="ab"[number % 2], n=str(number))
    fields: dict[str, Any] = {"subscription": "n > 1 AND TAGS = 'a'", "expressionType": "SQL92"}
    assert [message.body for message in client.pulled("T", **fields)] == [b"2", b"4"]
    assert [message.body for message in client.pulled("T", subscription="b || c")] == [
        b"1",
        b"3",
        b"5",
    ]
    answer = client.pull("T", **{**fields, "subscription": "n >"})
    assert answer.code == ResponseCode.SUBSCRIPTION_PARSE_FAILED

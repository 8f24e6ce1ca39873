"""Bytes as a conversation with a RocketMQ session over a whole broker, and what must hold.

The first byte says how it begins: with nothing, or as a client with a group, and messages that
wait. What follows is a stream of bytes, cut where the second byte says.
"""

import json
import time
from collections.abc import Iterator

from anymq.protocols.rocketmq.codec import ONEWAY, Kind, encode
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.rocketmq.layout import Batched, write_batch
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.testing.rocketmq import RocketMqRoom, pull_fields, send_fields

INPUT_BYTES_MAX = 64 * 1024
CONVERSATIONS_PER_ROOM = 200  # what one leaves behind, the next ones find
STRANGER_BIT = 1
KINDS = (Kind.JSON, Kind.BINARY)
TOPIC, GROUP = "full", "G"
HEARTBEAT = {
    "clientID": "c@1",
    "producerDataSet": [{"groupName": "PG"}],
    "consumerDataSet": [
        {
            "groupName": GROUP,
            "consumeType": "CONSUME_PASSIVELY",
            "messageModel": "CLUSTERING",
            "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
            "subscriptionDataSet": [{"topic": TOPIC, "subString": "*", "subVersion": 1}],
        }
    ],
}


class Rooms:
    """A room to talk in; now and then a new one."""

    def __init__(self) -> None:
        self._room: RocketMqRoom | None = None
        self._used = 0

    def pick(self) -> RocketMqRoom:
        """Return a room with a topic that has messages."""
        if self._room is None or self._used % CONVERSATIONS_PER_ROOM == 0:
            self._room = RocketMqRoom(RocketMqSettings(queues=2, message_bytes_max=32 * 1024))
            writer = self._room.client()
            for number in range(3):
                writer.send(TOPIC, b"%d" % number, TAGS="a")
            writer.hang_up()
        self._used += 1
        return self._room


def talk(rooms: Rooms, data: bytes) -> float:
    """Have the conversation; return how many seconds of the processor the worst step took."""
    if len(data) < 2 or len(data) > INPUT_BYTES_MAX:
        return 0.0
    room = rooms.pick()
    client = room.client()
    if not data[0] & STRANGER_BIT:
        client.say(RequestCode.HEART_BEAT, body=json.dumps(HEARTBEAT).encode())
    rest = data[2:]
    cut = len(rest) * data[1] // 255
    worst = 0.0
    for part in (rest[:cut], rest[cut:]):
        began = time.process_time()
        client.feed(part)
        room.settle(client)
        worst = max(worst, time.process_time() - began)
    room.let_pass(2)
    assert client.session.reading in (True, False)
    client.frames()  # all of them are some
    client.hang_up()
    room.let_pass(1)
    room.dialogs.clear()
    assert room.rocketmq.memory.used == 0, "memory that nobody holds"
    assert not room.rocketmq.connected
    return worst


def seeds() -> Iterator[bytes]:
    """Conversations that make sense, for the search to begin with."""
    for kind in KINDS:
        said = [
            encode(code, number, flag, ext, body, kind=kind)
            for number, (code, flag, ext, body) in enumerate(_examples())
        ]
        for begin in (0, STRANGER_BIT):
            for one in said:
                yield bytes((begin, 100)) + one
            yield bytes((begin, 50)) + b"".join(said)


Example = tuple[int, int, dict[str, object], bytes]


def _examples() -> Iterator[Example]:
    where: dict[str, object] = {"topic": TOPIC, "queueId": 0}
    progress = {**where, "consumerGroup": GROUP}
    send = send_fields("new", 1, {"KEYS": "k", "TAGS": "a"})
    batch = write_batch([Batched(0, b"one", b""), Batched(1, b"two", b"TAGS\x01a\x02")])
    yield RequestCode.GET_ROUTEINFO_BY_TOPIC, 0, {"topic": "TBW102"}, b""
    yield RequestCode.GET_ROUTEINFO_BY_TOPIC, 0, {"topic": TOPIC}, b""
    yield RequestCode.HEART_BEAT, 0, {}, json.dumps(HEARTBEAT).encode()
    yield RequestCode.SEND_MESSAGE_V2, 0, send, b"hello"
    yield RequestCode.SEND_MESSAGE_V2, ONEWAY, send, b"hello"
    yield RequestCode.SEND_BATCH_MESSAGE, 0, {**send, "m": "true"}, batch
    yield RequestCode.SEND_MESSAGE, 0, {**where, "producerGroup": "PG", "sysFlag": 0}, b"long"
    yield RequestCode.PULL_MESSAGE, 0, pull_fields(TOPIC, 0, 0, GROUP), b""
    yield RequestCode.PULL_MESSAGE, 0, pull_fields(TOPIC, 3, 0, GROUP, sysFlag=7), b""
    yield RequestCode.LITE_PULL_MESSAGE, 0, pull_fields(TOPIC, 9, 0, GROUP), b""
    sql = {"subscription": "a > 1 AND TAGS IS NOT NULL", "expressionType": "SQL92"}
    yield RequestCode.PULL_MESSAGE, 0, pull_fields(TOPIC, 0, 0, GROUP, **sql), b""
    yield RequestCode.GET_MAX_OFFSET, 0, where, b""
    yield RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, 0, {**where, "timestamp": 5}, b""
    yield RequestCode.QUERY_CONSUMER_OFFSET, 0, progress, b""
    yield RequestCode.UPDATE_CONSUMER_OFFSET, 0, {**progress, "commitOffset": 2}, b""
    yield RequestCode.UPDATE_CONSUMER_OFFSET, ONEWAY, {**progress, "commitOffset": 3}, b""
    yield RequestCode.GET_CONSUMER_LIST_BY_GROUP, 0, {"consumerGroup": GROUP}, b""
    yield RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, 0, {}, b""
    yield RequestCode.UNREGISTER_CLIENT, 0, {"clientID": "c@1", "consumerGroup": GROUP}, b""
    yield 9999, 0, {}, b"what is this?"
    yield RequestCode.CHECK_TRANSACTION_STATE, 1, {}, b"an answer that nobody asked for"

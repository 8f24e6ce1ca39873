"""Bytes as a conversation with Kafka sessions, and what must hold whatever they are.

The first byte says how the broker is set up. What follows is either a stream of bytes, cut where
some of them say, or a list of requests: (which, version, how many bytes, and those).
"""

import importlib
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any

from anymq.protocols.kafka.api import registry
from anymq.protocols.kafka.codec import frame
from anymq.protocols.kafka.schema.generated import (
    fetch,
    join_group,
    metadata,
    produce,
    sasl_authenticate,
    sasl_handshake,
    sync_group,
)
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.security.users import Users
from anymq.storage import records
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom

USERS = {"ada": ["secret"]}
OPEN = KafkaSettings()
LOCKED = KafkaSettings(
    login_required=True, sasl_mechanisms=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
)
INPUT_BYTES_MAX = 64 * 1024
REQUESTS_MAX = 50
CONVERSATIONS_PER_ROOM = 200  # what one leaves behind, the next ones find
TOPICS = ("a", "b")

LOCKED_BIT, STREAM_BIT, VALID_BATCH_BIT = 1, 2, 4


class Rooms:
    """Rooms to talk in; now and then a new one."""

    def __init__(self) -> None:
        self._rooms: dict[bool, KafkaRoom] = {}
        self._used = 0

    def pick(self, *, locked: bool) -> KafkaRoom:
        """Return a room with some topics in it."""
        if self._used % CONVERSATIONS_PER_ROOM == 0:
            self._rooms.clear()
        self._used += 1
        if locked not in self._rooms:
            self._rooms[locked] = _furnished(locked=locked)
        return self._rooms[locked]


def _furnished(*, locked: bool) -> KafkaRoom:
    room = KafkaRoom(LOCKED if locked else OPEN, users=Users(USERS))
    for name in TOPICS:
        room.broker.create_topic(name, 2)
    room.write_to_disk()
    return room


def talk(rooms: Rooms, data: bytes) -> float:
    """Have the conversation; return how many seconds of the processor the worst step took."""
    if not data or len(data) > INPUT_BYTES_MAX:
        return 0.0
    room = rooms.pick(locked=bool(data[0] & LOCKED_BIT))
    parts = _pieces(data) if data[0] & STREAM_BIT else _requests(room, data)
    dialog = room.dialog()
    worst = 0.0
    for part in parts:
        began = time.process_time()
        dialog.session.receive(memoryview(part))
        _go_on(room, dialog)
        worst = max(worst, time.process_time() - began)
        if dialog.session.closed:
            break
    _leave(room, dialog)
    return worst


def _go_on(room: KafkaRoom, dialog: KafkaDialog) -> None:
    """Do what the carrier and the disk would do."""
    while True:
        room.write_to_disk()
        sent = dialog.taken()
        if dialog.session.more:
            dialog.session.go_on()
        elif not sent:
            break
    room.pass_time(0.01)
    dialog.session.tick(room.clock.monotonic())
    assert dialog.session.reading in (True, False)


def _leave(room: KafkaRoom, dialog: KafkaDialog) -> None:
    session = dialog.session
    if room.kafka.settings.login_required and not session.authentication.user:
        assert not session.authentication.done
    dialog.hang_up()
    room.write_to_disk()
    room.pass_time(1)
    assert room.kafka.memory.used == 0, "memory that nobody holds"


def _pieces(data: bytes) -> Iterator[bytes]:
    """A stream, cut in two at a place the second byte says."""
    rest = data[2:]
    cut = len(rest) * data[1] // 255 if len(data) > 1 else 0
    yield rest[:cut]
    yield rest[cut:]


def _requests(room: KafkaRoom, data: bytes) -> Iterator[bytes]:
    apis = list(room.kafka.apis.values())
    position = 1
    for number in range(REQUESTS_MAX):
        if len(data) - position < 4:
            return
        which, version, size = struct.unpack_from(">BBH", data, position)
        position += 4
        body = data[position : position + size]
        position += size
        api = apis[which % len(apis)]
        at = api.versions[version % len(api.versions)]
        head = struct.pack(">hhih", api.key, at, number, -1)
        if at >= api.flexible_from:
            head += b"\0"
        if data[0] & VALID_BATCH_BIT:
            body = body.replace(b"<batch>", BATCH)
        yield frame(head, body)


def seeds() -> Iterator[bytes]:
    """Conversations that make sense, for the search to begin with."""
    room = _furnished(locked=False)
    for which, api in enumerate(room.kafka.apis.values()):
        schema = importlib.import_module(api.decode_request.__module__)
        kind = getattr(schema, f"{api.name}Request")
        for number in range(len(api.versions)):
            body = schema.encode_request(kind(), api.versions[number])
            yield b"\0" + 2 * (struct.pack(">BBH", which, number, len(body)) + body)
    yield from _stories(list(room.kafka.apis))


def _stories(keys: list[int]) -> Iterator[bytes]:
    """What real clients say: produce and fetch, join and sync, log in."""

    def story(setup: int, *requests: Any) -> bytes:
        said = [bytes([setup])]
        for request in requests:
            schema = sys.modules[type(request).__module__]
            versions = registry.load()[schema.KEY].versions
            body = schema.encode_request(request, versions[-1 if schema is not fetch else 8])
            at = (len(versions) - 1) if schema is not fetch else 8
            said.append(struct.pack(">BBH", keys.index(schema.KEY), at, len(body)) + body)
        return b"".join(said)

    part = produce.PartitionProduceData(0, BATCH)
    written = produce.TopicProduceData(name="a", partition_data=[part])
    wanted = fetch.FetchPartition(0, partition_max_bytes=1000)
    protocol = join_group.JoinGroupRequestProtocol("range", b"x")
    yield story(
        VALID_BATCH_BIT,
        produce.ProduceRequest(acks=-1, timeout_ms=10, topic_data=[written]),
        fetch.FetchRequest(topics=[fetch.FetchTopic(topic="a", partitions=[wanted])]),
    )
    yield story(
        0,
        join_group.JoinGroupRequest("g", 10_000, 10_000, "m", None, "consumer", [protocol]),
        sync_group.SyncGroupRequest("g", 1, "m"),
    )
    for mechanism, token in (("PLAIN", b"\0ada\0secret"), ("SCRAM-SHA-256", b"n,,n=ada,r=abc")):
        yield story(
            LOCKED_BIT,
            sasl_handshake.SaslHandshakeRequest(mechanism),
            sasl_authenticate.SaslAuthenticateRequest(token),
            metadata.MetadataRequest(topics=None),
        )


BATCH = records.build([Record(b"value", b"key", timestamp=1_700_000_000_000)] * 3)

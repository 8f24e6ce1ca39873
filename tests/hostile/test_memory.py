"""What a peer costs is what it has sent, and all together never more than the limit."""

import socket
import struct
from collections.abc import Iterator

import cramjam
import pytest
from crc32c import crc32c

from anymq.protocols.kafka.schema.generated import fetch, metadata, produce
from anymq.protocols.kafka.schema.generated.metadata import MetadataRequest, MetadataRequestTopic
from anymq.storage import records
from anymq.storage.batch import BatchHeader, check
from tests.hostile.room import (
    KIB,
    MIB,
    TOPIC,
    Broker,
    answer,
    ask,
    create_topic,
    fetch_request,
    hung_up,
    neighbour_of,
    produce_answer,
    produce_request,
    request,
    running,
    send_all_it_takes,
    wait_until,
)

pytestmark = pytest.mark.xdist_group("hostile")

LIMIT = 64 * MIB
FRAME_MAX = 16 * MIB
UNWRITTEN = 8 * MIB
# Read buffers, arenas that Python does not give back, what the neighbour takes.
NOISE = 24 * MIB


@pytest.fixture(scope="module")
def small() -> Iterator[Broker]:
    """A broker of little memory."""
    settings = {
        "limits.memory_bytes_max": LIMIT,
        "limits.frame_bytes_max": FRAME_MAX,
        "limits.unsent_bytes_max": 8 * MIB,
        "limits.unwritten_bytes_max": UNWRITTEN,
        "storage.segment_bytes": 32 * MIB,
    }
    with running(settings) as broker:
        create_topic(broker, TOPIC)
        with neighbour_of(broker):  # so that what it takes is taken
            pass
        yield broker


@pytest.fixture
def connections(small: Broker) -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    yield opened
    for sock in opened:
        sock.close()
    wait_until(lambda: small.metric("anymq_connections") <= 1)


def promise(key: int, size: int) -> bytes:
    """The start of a frame of this size."""
    return struct.pack(">ihhih", size, key, 9, 1, -1)


def test_a_promise_costs_nothing(small: Broker, connections: list[socket.socket]) -> None:
    """Five hundred lengths of sixteen megabytes, which would be eight gigabytes."""
    before = small.rss
    with neighbour_of(small):
        for _ in range(500):
            connections.append(small.connect())
            connections[-1].sendall(promise(produce.KEY, FRAME_MAX) + bytes(KIB))
        wait_until(lambda: small.metric("anymq_connections") >= 500)
    assert small.rss - before < 500 * KIB * 1.1 + NOISE


def test_half_a_frame_costs_half_a_frame(small: Broker, connections: list[socket.socket]) -> None:
    before, each = small.rss, 10 * MIB
    with neighbour_of(small):
        for _ in range(4):
            connections.append(small.connect())
            connections[-1].sendall(promise(produce.KEY, FRAME_MAX) + bytes(each))
    assert small.rss - before < 4 * each * 1.1 + NOISE
    for sock in connections:
        sock.close()
    wait_until(lambda: small.rss - before < NOISE)


def test_all_together_stay_below_the_limit(small: Broker, connections: list[socket.socket]) -> None:
    """Thirty peers begin frames that are together far above it. They wait; nobody gets an error."""
    before, sent = small.rss, 0
    with neighbour_of(small):
        for _ in range(30):
            sock = small.connect(small=True)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * KIB)
            connections.append(sock)
            sock.sendall(promise(produce.KEY, FRAME_MAX))
            sock.settimeout(0.05)
            sent += send_some(sock, FRAME_MAX - 100)
        assert small.rss - before < (LIMIT + FRAME_MAX) * 1.1 + NOISE
    assert sent < 30 * (FRAME_MAX - 100)


def send_some(sock: socket.socket, size: int) -> int:
    sent, piece = 0, bytes(256 * KIB)
    try:
        while sent < size:
            sent += sock.send(piece[: size - sent])
    except TimeoutError:
        pass
    return sent


def test_frames_that_wait_for_room_get_it_in_the_end(
    small: Broker, connections: list[socket.socket]
) -> None:
    """More than the limit at once, all honest: each is answered, one after the other."""
    create_topic(small, "large", **{"max.message.bytes": str(FRAME_MAX)})
    batch = records.build_run([bytes(MIB)] * 10, timestamp=1_700_000_000_000)
    data = produce_request("large", batch)
    with neighbour_of(small):
        connections += [small.connect() for _ in range(8)]
        views = {sock: memoryview(data) for sock in connections}
        for sock in connections:
            sock.setblocking(False)
        wait_until(lambda: send_round(views), 30)
        offsets = []
        for sock in connections:
            sock.setblocking(True)
            sock.settimeout(30)
            said = produce_answer(answer(sock))
            assert said.error_code == 0
            offsets.append(said.base_offset)
    assert sorted(offsets) == [10 * n for n in range(8)]


def send_round(views: dict[socket.socket, memoryview]) -> bool:
    """A piece of each; True when all is sent."""
    for sock, view in views.items():
        try:
            views[sock] = view[sock.send(view[: 256 * KIB]) :] if view else view
        except BlockingIOError:
            continue
    return not any(views.values())


@pytest.mark.parametrize("acks", [0, -1], ids=["no answers", "answers"])
def test_producers_that_never_stop(
    small: Broker, connections: list[socket.socket], acks: int
) -> None:
    """Four, faster than the disk: they are read no faster than it writes, and nothing is lost."""
    topic, count, together = f"flood{acks}", 80, 10
    create_topic(small, topic)
    batch = records.build_run([bytes(100 * KIB)] * together, timestamp=1_700_000_000_000)
    data = produce_request(topic, batch, acks=acks)
    before, highest, offsets = small.rss, 0, set()
    with neighbour_of(small):
        connections += [small.connect() for _ in range(4)]
        for _ in range(count):
            for sock in connections:
                sock.sendall(data)
            highest = max(highest, small.rss)
        for sock in connections:
            sock.sendall(produce_request(topic, batch))  # whose answer is behind all others
            for _ in range(count + 1 if acks else 1):
                said = produce_answer(answer(sock))
                assert said.error_code == 0
                offsets.add(said.base_offset)
    assert max(offsets) == together * (4 * (count + 1) - 1)
    assert len(offsets) == 4 * (count + 1 if acks else 1)
    assert highest - before < 2 * UNWRITTEN + NOISE


def test_requests_without_number_and_nobody_reads_the_answers(
    small: Broker, connections: list[socket.socket]
) -> None:
    """Each asks for the page of all topics, forty bytes for a kilobyte and more."""
    for n in range(20):
        create_topic(small, f"filler-{n}")
    ask_all = request(metadata, MetadataRequest(topics=None), 9)
    before = small.rss
    with neighbour_of(small):
        taken = 0
        for _ in range(5):
            sock = small.connect(small=True)
            connections.append(sock)
            taken += send_all_it_takes(sock, ask_all * 1000, bytes_max=20 * MIB)
        assert taken < 5 * 20 * MIB
        assert small.rss - before < LIMIT * 1.1 + NOISE


def test_who_reads_after_all_gets_every_answer(small: Broker) -> None:
    ask_all = request(metadata, MetadataRequest(topics=None), 9)
    with small.connect() as sock:
        count = send_all_it_takes(sock, ask_all * 1000, bytes_max=200 * KIB) // len(ask_all)
        for _ in range(count):
            assert len(answer(sock)) > 100


def test_consumers_that_do_not_read(small: Broker, connections: list[socket.socket]) -> None:
    """Two hundred ask for four megabytes, twice: the broker keeps places in files, not bytes."""
    create_topic(small, "backlog")
    batch = records.build_run([bytes(100 * KIB)] * 10, timestamp=1_700_000_000_000)
    with small.connect() as sock:
        for _ in range(8):
            assert produce_answer(ask(sock, produce_request("backlog", batch))).error_code == 0
    before = small.rss
    with neighbour_of(small):
        for _ in range(200):
            connections.append(small.connect(small=True))
            connections[-1].sendall(fetch_request("backlog", 0, 4 * MIB) * 2)
        wait_until(lambda: small.metric("anymq_connections") >= 200)
    assert small.rss - before < 200 * 16 * KIB + NOISE


def test_a_request_of_objects_is_bounded_before_it_is_read(
    small: Broker, connections: list[socket.socket]
) -> None:
    """Two megabytes of names cost some tens of that for a moment; more is not even received."""
    topics = [MetadataRequestTopic(name=f"{n:05x}") for n in range(250_000)]
    body = MetadataRequest(topics=topics, allow_auto_topic_creation=False)
    data = request(metadata, body, 9)
    assert MIB < len(data) < 2 * MIB
    with neighbour_of(small):
        for refused in (data, struct.pack(">ihhih", 3 * MIB, metadata.KEY, 9, 1, -1) + bytes(100)):
            with small.connect() as sock:
                sock.sendall(refused)
                assert hung_up(sock)


def test_a_produce_of_objects_is_bounded_before_it_is_read(small: Broker) -> None:
    topic = produce.TopicProduceData(name="", partition_data=[])
    body = produce.ProduceRequest(acks=-1, timeout_ms=1, topic_data=[topic] * (5 * MIB // 3))
    before = small.rss
    with neighbour_of(small), small.connect() as sock:
        sock.sendall(request(produce, body, 9))
        assert hung_up(sock)
    assert small.rss - before < 5 * MIB * 1.1 + NOISE


@pytest.mark.parametrize(("count", "taken"), [(10_000, True), (100_000, False)])
def test_fetches_of_everything_do_not_wait_for_long(
    small: Broker, connections: list[socket.socket], count: int, taken: bool
) -> None:
    """Partitions that are not there, for five minutes, ten times."""
    partitions = [fetch.FetchPartition(n, partition_max_bytes=1) for n in range(count)]
    body = fetch.FetchRequest(
        max_wait_ms=300_000,
        min_bytes=1,
        max_bytes=1,
        topics=[fetch.FetchTopic(topic=TOPIC, partitions=partitions)],
    )
    data = request(fetch, body, 4)
    with neighbour_of(small):
        for _ in range(10):
            connections.append(small.connect())
            connections[-1].sendall(data)
        for sock in connections:
            assert bool(sock.recv(4)) == taken


def test_bombs(small: Broker) -> None:
    """A few kilobytes that become a gigabyte, where the broker has to look inside."""
    create_topic(small, "compacted", **{"cleanup.policy": "compact"})
    bomb = bytes(cramjam.zstd.compress(bytes(300 * MIB)))
    good = records.build([records.Record(b"v", b"k", timestamp=1_700_000_000_000)])
    header = check(good)
    batch = sealed(bomb, header)
    before = small.rss
    with neighbour_of(small), small.connect() as sock:
        for _ in range(5):
            assert produce_answer(ask(sock, produce_request("compacted", batch))).error_code != 0
    assert small.rss - before < 32 * MIB + NOISE  # as much as one may become, once


def sealed(compressed: bytes, header: BatchHeader) -> bytes:
    """A batch of something that is compressed already."""
    data = bytearray(records.seal(compressed, header))
    data[21:23] = struct.pack(">h", 4)  # zstd
    data[17:21] = struct.pack(">I", crc32c(bytes(data[21:])))
    return bytes(data)

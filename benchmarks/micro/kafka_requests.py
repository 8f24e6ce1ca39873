"""What one Kafka request costs from frame to answer: `python benchmarks/micro/kafka_requests.py`.

No socket and no disk: a session over a simulated one. Printed is the best turn, per request.
"""

from collections.abc import Callable
from time import perf_counter

from anymq.protocols.kafka.schema.generated import create_topics, fetch, heartbeat, produce
from anymq.storage.records import Record, build
from anymq.testing.kafka import KafkaDialog, KafkaRoom

TURN = 100
TURNS = 50


def microseconds_each(client: KafkaDialog, frame: bytes, after: Callable[[], object]) -> float:
    """Return what the session takes for one frame; what comes after a turn is not counted."""
    best = float("inf")
    view = memoryview(frame)
    for _ in range(TURNS):
        start = perf_counter()
        for _ in range(TURN):
            client.session.receive(view)
        best = min(best, perf_counter() - start)
        after()
        client.outbox.take()
        client.outbox.sent(client.outbox.size)
    return best / TURN * 1e6


def produce_request() -> produce.ProduceRequest:
    """Return a batch of ten records of 100 bytes for one partition."""
    data = [produce.PartitionProduceData(0, build([Record(bytes(100))] * 10))]
    topics = [produce.TopicProduceData("orders", partition_data=data)]
    return produce.ProduceRequest(None, -1, 1000, topics)


def fetch_request(partitions: int) -> fetch.FetchRequest:
    """Return a fetch of the start of so many partitions."""
    wanted = [
        fetch.FetchPartition(index, fetch_offset=0, partition_max_bytes=1 << 20)
        for index in range(partitions)
    ]
    topics = [fetch.FetchTopic("orders", partitions=wanted)]
    return fetch.FetchRequest(max_wait_ms=0, min_bytes=1, max_bytes=1 << 25, topics=topics)


def main() -> None:
    """Print the microseconds of one request of each kind."""
    room = KafkaRoom()
    client = room.dialog()
    client.ask(create_topics.CreateTopicsRequest([create_topics.CreatableTopic("orders", 10, 1)]))
    requests = {
        "Produce v9, one partition": client.at(9).encode(produce_request()),
        "Fetch v11, one partition": client.at(11).encode(fetch_request(1)),
        "Fetch v11, ten partitions": client.at(11).encode(fetch_request(10)),
        "Heartbeat v4": client.encode(heartbeat.HeartbeatRequest("readers", 1, "nobody")),
    }
    for name, frame in requests.items():
        print(f"{name:28} {microseconds_each(client, frame, room.write_to_disk):6.1f} us")


if __name__ == "__main__":
    main()

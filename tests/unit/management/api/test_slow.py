"""Who is behind, of every protocol."""

from anymq.core.streams.group_calls import CommitRequest, NewOffset
from anymq.protocols.amqp import methods
from anymq.storage.batch import read_header
from anymq.storage.records import Record, build
from anymq.testing.amqp import AmqpDialog
from anymq.testing.http import HttpRoom

SLOW = "/api/slow-consumers"


def publish(room: HttpRoom, count: int) -> None:
    message = {
        "properties": {},
        "routing_key": "jobs",
        "payload": "x",
        "payload_encoding": "string",
    }
    for _ in range(count):
        room.post("/api/exchanges/%2F/amq.default/publish", message)


def consumer(room: HttpRoom, prefetch: int) -> AmqpDialog:
    client = room.dialog().log_in().open(1)
    client >> (1, methods.BasicQos(0, prefetch, False))
    client >> (1, methods.BasicConsume("jobs", "worker", False, False, False, False, {}))
    room.go_on(client)
    client.raw()
    return client


def test_a_consumer_that_answers_is_not_slow() -> None:
    room = HttpRoom()
    room.put("/api/queues/%2F/jobs", {"durable": True})
    client = consumer(room, 10)
    publish(room, 3)
    room.go_on(client)
    assert room.get(SLOW).json == []


def test_a_consumer_that_keeps_messages_is_old_then() -> None:
    room = HttpRoom()
    room.put("/api/queues/%2F/jobs", {"durable": True})
    client = consumer(room, 10)
    publish(room, 3)
    room.go_on(client)
    room.look()
    room.pass_time(90, client)

    [one] = room.get(SLOW).json
    assert (one["consumer_tag"], one["unacked"], one["why"]) == ("worker", 3, ["old"])
    assert 85 <= one["oldest_unacked_seconds"] <= 90
    assert room.get(SLOW + "?min_seconds=100").json == []

    client >> (1, methods.BasicAck(3, multiple=True))
    room.go_on(client)
    assert room.get(SLOW).json == []


def test_a_consumer_whose_prefetch_is_used_up_while_others_wait() -> None:
    room = HttpRoom()
    room.put("/api/queues/%2F/jobs", {"durable": True})
    client = consumer(room, 2)
    publish(room, 5)
    room.go_on(client)
    [one] = room.get(SLOW).json
    assert (one["why"], one["waiting"], one["prefetch"]) == (["full"], 3, 2)


def test_a_group_that_lags_with_nobody_in_it() -> None:
    room = HttpRoom()
    room.put("/api/topics/orders", {"partitions": 1})
    for _ in range(5):
        batch = build([Record(b"value")])
        room.broker.topic("orders").partition(0).append(batch, read_header(batch), 0, None)
    offsets = [NewOffset("orders", 0, 1)]
    room.broker.groups.commit(CommitRequest(group="billing", offsets=offsets), lambda _: None)
    room.write_to_disk()

    assert room.get(SLOW).json == []
    [one] = room.get(SLOW + "?min_lag=4").json
    assert (one["group"], one["lag"], one["why"]) == ("billing", 4, ["lag", "nobody"])
    assert room.get(SLOW + "?min_lag=many").status == 400

"""Connections of every protocol in one list; what went over them; histories of numbers."""

import pytest

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import content_frames, method_frame
from anymq.protocols.kafka.schema.generated.api_versions import ApiVersionsRequest
from anymq.protocols.session import Peer
from anymq.testing.http import HttpRoom
from anymq.testing.kafka import KafkaDialog

KAFKA_NAME = "192.0.2.7:9 -> 192.0.2.1:9092"
KAFKA = "/api/connections/192.0.2.7%3A9%20-%3E%20192.0.2.1%3A9092"
CHART = "lengths_age=60&lengths_incr=5&msg_rates_age=60&msg_rates_incr=5&data_rates_age=60"


@pytest.fixture
def room() -> HttpRoom:
    return HttpRoom()


def kafka_client(room: HttpRoom) -> KafkaDialog:
    client = KafkaDialog(room, Peer("192.0.2.7", 9, "192.0.2.1", 9092))  # type: ignore[arg-type]
    client >> ApiVersionsRequest(client_software_name="librdkafka", client_software_version="2.5.0")
    return client


def test_all_protocols_are_in_one_list(room: HttpRoom) -> None:
    room.dialog().log_in()
    client = kafka_client(room)
    said = {one["protocol"]: one for one in room.get("/api/connections").json}
    assert set(said) == {"AMQP 0-9-1", "Kafka"}
    kafka = said["Kafka"]
    assert (kafka["name"], kafka["client_id"], kafka["requests"]) == (KAFKA_NAME, "tester", 1)
    assert kafka["client_properties"]["product"] == "librdkafka"
    assert {"recv_oct", "send_oct_details"} <= kafka.keys() & said["AMQP 0-9-1"].keys()
    assert room.get("/api/overview").json["object_totals"]["connections"] == 2

    assert room.get(KAFKA).json["client_id"] == "tester"
    assert room.get(KAFKA + "/channels").json == []
    assert room.delete(KAFKA).status == 204
    assert client.session.closed
    assert room.get(KAFKA).status == 404


def test_clients_of_kafka_belong_to_their_user(room: HttpRoom) -> None:
    client = kafka_client(room)
    room.put("/api/users/ada", {"password": "secret", "tags": "management"})
    room.put("/api/permissions/%2F/ada", {"configure": "", "write": "", "read": ""})
    ada = {"Authorization": "Basic YWRhOnNlY3JldA=="}
    assert room.get("/api/connections", **ada).json == []
    assert room.browser().ask("DELETE", KAFKA, **ada).status == 404
    client.session.authentication.user = "ada"
    assert [one["name"] for one in room.get("/api/connections", **ada).json] == [KAFKA_NAME]


def test_bytes_are_those_that_the_carrier_counted(room: HttpRoom) -> None:
    client = kafka_client(room)
    client.session.peer.traffic.received, client.session.peer.traffic.sent = 100, 50
    said = room.get(KAFKA).json
    assert (said["recv_oct"], said["send_oct"]) == (100, 50)
    room.clock.seconds += 10
    client.session.peer.traffic.received = 300
    assert room.get(KAFKA).json["recv_oct_details"]["rate"] == 20


def publish(room: HttpRoom) -> None:
    message = {
        "properties": {},
        "routing_key": "jobs",
        "payload": "x",
        "payload_encoding": "string",
    }
    assert room.post("/api/exchanges/%2F/amq.default/publish", message).json["routed"]


def test_a_queue_has_a_history(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/jobs", {"durable": True})
    for _ in range(4):
        publish(room)
        room.look()
        room.clock.seconds += 5
    said = room.get(f"/api/queues/%2F/jobs?{CHART}").json
    samples = said["messages_details"]["samples"]
    assert [one["sample"] for one in samples] == [4, 3, 2, 1]
    assert samples[0]["timestamp"] - samples[1]["timestamp"] == 5000
    assert said["messages_details"]["avg_rate"] == 0.2
    published = said["message_stats"]["publish_details"]
    assert [one["sample"] for one in published["samples"]] == [4, 3, 2, 1]
    # The first look at a queue tells its rate, too: between the last two samples.
    assert published["rate"] == 0.2


def test_the_broker_has_a_history_and_so_has_a_group(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/jobs", {"durable": True})
    publish(room)
    room.look()
    room.clock.seconds += 5
    room.look()
    said = room.get(f"/api/overview?{CHART}&data_rates_incr=5").json
    assert len(said["queue_totals"]["messages_details"]["samples"]) == 2
    assert len(said["message_stats"]["publish_details"]["samples"]) == 2
    assert len(said["data_stats"]["recv_oct_details"]["samples"]) == 2
    node = room.get("/api/nodes?node_stats_age=60&node_stats_incr=5").json[0]
    assert [one["sample"] for one in node["mem_used_details"]["samples"]] == [1, 1]


def test_samples_that_make_no_sense(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/jobs", {"durable": True})
    assert room.get("/api/queues/%2F/jobs?lengths_age=x&lengths_incr=5").status == 400
    assert room.get("/api/queues/%2F/jobs?lengths_age=60&lengths_incr=0").status == 400
    assert room.get(f"/api/queues/%2F/jobs?{CHART}").status == 200


def test_exchanges_and_channels_count_messages(room: HttpRoom) -> None:
    for name in ("one", "two"):
        room.put(f"/api/queues/%2F/{name}", {"durable": True})
        room.post(f"/api/bindings/%2F/e/amq.fanout/q/{name}", {})
    client = room.dialog().log_in().open(1)
    client >> (1, methods.ConfirmSelect(nowait=False))
    for exchange, mandatory in (("amq.fanout", False), ("amq.fanout", False), ("amq.direct", True)):
        method = methods.BasicPublish(exchange, "k", mandatory, False)
        client >> method_frame(1, method) + content_frames(1, b"\0\0", b"x", 0)
    client >> (1, methods.BasicConsume("one", "c", False, False, False, False, {}))
    room.go_on(client)
    client >> (1, methods.BasicAck(2, multiple=True))
    room.go_on(client)

    fanout = room.get("/api/exchanges/%2F/amq.fanout").json["message_stats"]
    assert (fanout["publish_in"], fanout["publish_out"]) == (2, 4)
    [channel] = room.get("/api/channels").json
    stats = channel["message_stats"]
    counted = ("publish", "confirm", "return_unroutable", "deliver_get", "ack")
    assert [stats[name] for name in counted] == [3, 3, 1, 2, 2]


def test_queues_tell_deliveries_from_gets(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/jobs", {"durable": True})
    for _ in range(4):
        publish(room)
    get = {"count": 1, "encoding": "auto"}
    room.post("/api/queues/%2F/jobs/get", {**get, "ackmode": "ack_requeue_false"})
    client = room.dialog().log_in().open(1)
    client >> (1, methods.BasicGet("jobs", no_ack=True))
    client >> (1, methods.BasicConsume("jobs", "c", False, True, False, False, {}))
    room.go_on(client)
    client >> (1, methods.BasicGet("jobs", no_ack=True))
    room.go_on(client)
    stats = room.get("/api/queues/%2F/jobs").json["message_stats"]
    told = {name: stats[name] for name in stats if not name.endswith("_details")}
    assert told == {
        "publish": 4,
        "deliver_get": 4,
        "ack": 1,
        "redeliver": 0,
        "deliver": 0,
        "deliver_no_ack": 2,
        "get": 1,
        "get_no_ack": 1,
        "get_empty": 1,
    }

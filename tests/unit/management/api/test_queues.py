"""Queues, exchanges, bindings and messages by the API."""

import pytest

from anymq.protocols.amqp import methods
from anymq.testing.http import HttpRoom

Q = "/api/queues/%2F/q"
GET = {"count": 10, "ackmode": "ack_requeue_true", "encoding": "auto"}


@pytest.fixture
def room() -> HttpRoom:
    return HttpRoom()


def publish(room: HttpRoom, payload: str = "hello", key: str = "q", **more: object) -> object:
    message: dict[str, object] = {"properties": {}, "routing_key": key, "payload": payload}
    message |= {"payload_encoding": "string", **more}
    return room.post("/api/exchanges/%2F/amq.default/publish", message).json


def test_a_queue_is_made_found_and_unmade(room: HttpRoom) -> None:
    assert room.put(Q, {"durable": True, "arguments": {"x-max-length": 5}}).status == 201
    assert room.put(Q, {"durable": True, "arguments": {"x-max-length": 5}}).status == 204

    said = room.get(Q).json
    assert said["arguments"] == {"x-queue-type": "classic", "x-max-length": 5}
    assert (said["durable"], said["messages"], said["consumer_details"]) == (True, 0, [])

    refused = room.put(Q, {"durable": True})
    assert refused.status == 400
    assert refused.json["reason"].startswith("inequivalent arg 'x-max-length' for queue 'q'")
    assert room.delete(Q).status == 204
    assert room.delete(Q).status == 404


def test_the_answer_waits_for_the_disk(room: HttpRoom) -> None:
    """Who hears 201 finds the queue after a power cut."""
    browser = room.browser()
    room.disk_waits = True

    browser.say("PUT", Q, {"durable": True})
    assert browser.heard() is None
    assert browser.session.busy
    assert not browser.session.reading

    room.write_to_disk()
    said = browser.heard()
    assert said is not None
    assert said.status == 201
    assert browser.session.reading


def test_who_leaves_before_the_answer_leaves_nothing_behind(room: HttpRoom) -> None:
    browser = room.browser()
    room.disk_waits = True
    browser.say("PUT", Q, {"durable": True})

    browser.session.peer_gone()
    room.write_to_disk()

    assert browser.heard() is None
    assert "q" in room.broker.vhost("/").queues


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not_json"),
        (b"[]", "not_json"),
        (b"\xff", "not_json"),
        ({"durable": "maybe"}, ["not_boolean", "maybe"]),
        ({"arguments": {"n": 1 << 70}}, None),
        ({"arguments": 5}, ["not_object", "arguments"]),
    ],
)
def test_what_makes_no_sense_is_refused(room: HttpRoom, body: object, reason: object) -> None:
    said = room.put(Q, body)

    assert said.status == 400
    assert said.json["error"] == "bad_request"
    assert reason is None or said.json["reason"] == reason


def test_a_message_goes_in_and_comes_out(room: HttpRoom) -> None:
    room.put(Q, {"durable": True})
    properties = {"delivery_mode": 2, "headers": {"n": 1}, "message_id": "m"}

    assert publish(room, "é", properties=properties) == {"routed": True}
    assert publish(room, key="nowhere") == {"routed": False}
    (seen,) = room.post(Q + "/get", GET).json
    (again,) = room.post(Q + "/get", {**GET, "ackmode": "ack_requeue_false"}).json

    assert (seen["payload"], seen["payload_bytes"], seen["redelivered"]) == ("é", 2, False)
    assert seen["properties"] == properties
    assert (again["payload"], again["redelivered"]) == ("é", True)
    assert room.post(Q + "/get", GET).json == []


def test_published_is_answered_when_it_is_safe(room: HttpRoom) -> None:
    room.put(Q, {"durable": True})
    browser = room.browser()
    room.disk_waits = True
    said = {"properties": {"delivery_mode": 2}, "routing_key": "q", "payload": ""}
    said |= {"payload_encoding": "base64"}

    browser.say("POST", "/api/exchanges/%2F/amq.default/publish", said)
    assert browser.heard() is None
    room.write_to_disk()
    answer = browser.heard()
    assert answer is not None
    assert answer.json == {"routed": True}


def test_a_full_queue_says_no(room: HttpRoom) -> None:
    room.put(Q, {"arguments": {"x-max-length": 1, "x-overflow": "reject-publish"}})

    assert publish(room) == {"routed": True}
    assert publish(room) == {"routed": False}


def test_bytes_are_shown_in_base64(room: HttpRoom) -> None:
    room.put(Q)
    publish(room, "AAEC/w==", payload_encoding="base64")

    (seen,) = room.post(Q + "/get", {**GET, "truncate": 2}).json
    assert (seen["payload"], seen["payload_encoding"]) == ("\0\1", "string")
    (seen,) = room.post(Q + "/get", GET).json
    assert (seen["payload"], seen["payload_encoding"]) == ("AAEC/w==", "base64")


def test_many_are_got_and_put_back_in_order(room: HttpRoom) -> None:
    room.put(Q)
    for number in range(30):
        publish(room, str(number))

    for _ in range(2):
        got = room.post(Q + "/get", {**GET, "count": 2000}).json
        assert [one["payload"] for one in got] == [str(number) for number in range(30)]


def test_rejected_ones_are_dead_letters(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/dead")
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    room.put(Q, {"arguments": arguments})
    publish(room)

    room.post(Q + "/get", {**GET, "ackmode": "reject_requeue_false"})

    (seen,) = room.post("/api/queues/%2F/dead/get", GET).json
    assert seen["properties"]["headers"]["x-first-death-reason"] == "rejected"


def test_purge(room: HttpRoom) -> None:
    room.put(Q)
    publish(room)

    assert room.delete(Q + "/contents").status == 204
    assert room.get(Q).json["messages"] == 0


def test_a_queue_in_use_is_spared(room: HttpRoom) -> None:
    room.put(Q)
    publish(room)

    assert room.delete(Q + "?if-empty=true").json["reason"] == "queue 'q' in vhost '/' not empty"
    assert room.delete(Q + "?if-unused=true").status == 204


def test_somebodys_own_queue_is_not_touched(room: HttpRoom) -> None:
    client = room.dialog().log_in().open(1)
    client >> (1, methods.QueueDeclare("q", False, False, True, False, False, {}))
    room.go_on(client)

    assert room.get(Q).json["owner_pid_details"]["peer_host"] == "127.0.0.1"
    for said in (room.delete(Q), room.delete(Q + "/contents"), room.post(Q + "/get", GET)):
        assert said.status == 400
        assert "cannot obtain exclusive access" in said.json["reason"]


def test_streams_are_listed_and_not_got_from(room: HttpRoom) -> None:
    room.put(Q, {"durable": True, "arguments": {"x-queue-type": "stream"}})

    assert room.get(Q).json["type"] == "stream"
    assert room.post(Q + "/get", GET).status == 400
    assert room.delete(Q + "/contents").status == 400


def test_bindings_by_their_keys(room: HttpRoom) -> None:
    room.put(Q)
    room.put("/api/exchanges/%2F/x", {"type": "topic"})
    between = "/api/bindings/%2F/e/x/q/q"

    for key, arguments in (("a b/c", {}), ("", {}), ("a.b", {"k": 1}), ("~", {})):
        said = room.post(between, {"routing_key": key, "arguments": arguments})
        assert said.status == 201
        name = said.headers["Location"].rpartition("/")[2]
        assert room.get(f"{between}/{name}").json["routing_key"] == key

    names = [one["properties_key"] for one in room.get(between).json]
    assert names[0] == "a+b%2Fc"
    assert "~" in names
    assert len(set(names)) == 4
    assert room.delete(between + "/a%2Bb%252Fc").status == 204
    assert room.delete(between + "/a%2Bb%252Fc").status == 404
    assert len(room.get("/api/queues/%2F/q/bindings").json) == 4
    assert len(room.get("/api/exchanges/%2F/x/bindings/source").json) == 3


def test_names_are_taken_apart_before_they_are_read(room: HttpRoom) -> None:
    """Slashes and the like in names."""
    assert room.put("/api/vhosts/a%2Fb").status == 201
    assert room.put("/api/queues/a%2Fb/%C3%A9%2F%25").status == 201

    assert [one["name"] for one in room.get("/api/queues/a%2Fb").json] == ["é/%"]
    assert room.delete("/api/vhosts/a%2Fb").status == 204
    assert room.get("/api/queues/a%2Fb").status == 404


def test_connections_channels_consumers(room: HttpRoom) -> None:
    room.put(Q)
    client = room.dialog().log_in().open(1)
    (
        client
        >> (1, methods.BasicQos(0, 7, False))
        >> (1, methods.BasicConsume("q", "tag", False, False, False, False, {}))
    )
    room.go_on(client)
    name = "127.0.0.1%3A50000%20-%3E%20127.0.0.1%3A5672"

    assert room.get(f"/api/connections/{name}").json["channels"] == 1
    assert room.get("/api/channels").json[0]["prefetch_count"] == 7
    consumer = room.get("/api/consumers").json[0]
    assert (consumer["consumer_tag"], consumer["queue"]["name"]) == ("tag", "q")
    assert room.get(Q).json["consumer_details"] == [consumer]
    assert room.get(f"/api/channels/{name}%20%281%29").json["consumer_details"] == [consumer]

    assert room.delete(f"/api/connections/{name}").status == 204
    assert room.get("/api/connections").json == []
    assert room.get("/api/consumers").json == []


def test_rates_are_between_two_looks(room: HttpRoom) -> None:
    room.put(Q)
    room.get(Q)
    for _ in range(20):
        publish(room)
    room.get(Q)
    room.clock.seconds += 10

    for _ in range(30):
        publish(room)
    said = room.get(Q).json

    assert said["message_stats"]["publish"] == 50
    assert said["message_stats"]["publish_details"]["rate"] == 3.0
    assert said["messages_details"]["rate"] > 0


def test_definitions_go_round(room: HttpRoom) -> None:
    room.put(Q, {"durable": True, "arguments": {"x-max-length": 5}})
    room.put("/api/exchanges/%2F/x", {"type": "topic", "durable": True})
    room.post("/api/bindings/%2F/e/x/q/q", {"routing_key": "a", "arguments": {"k": 1}})
    room.put("/api/vhosts/v")
    document = room.get("/api/definitions").json

    other = HttpRoom()
    assert other.post("/api/definitions", document).status == 204

    kept = {key: document[key] for key in ("queues", "exchanges", "bindings", "vhosts")}
    again = other.get("/api/definitions").json
    assert {key: again[key] for key in kept} == kept
    assert other.post("/api/definitions", document).status == 204


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"{", "failed_to_parse_json"),
        ({"queues": [{"name": "q", "vhost": "nope"}]}, "Please create virtual host"),
        ({"queues": [{"name": 5}]}, "queues: Expected `str`"),
        ({"queues": {"q": 1}}, "queues is no list"),
        ({"queues": [5]}, "queues is no list"),
        ({"queues": [{"name": "q", "arguments": {"x-expires": "a"}}]}, "invalid arg 'x-expires'"),
    ],
)
def test_documents_that_make_no_sense(room: HttpRoom, document: object, reason: str) -> None:
    said = room.post("/api/definitions", document)

    assert said.status == 400
    assert said.json["reason"].startswith(reason)

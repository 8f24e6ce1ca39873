"""Who changed what, by any protocol: as the page shows it."""

from typing import Any

import pytest

from anymq.protocols.amqp import methods
from anymq.protocols.kafka.schema.generated.create_topics import (
    CreatableTopic,
    CreateTopicsRequest,
)
from anymq.testing.http import HttpRoom, basic
from anymq.testing.kafka import KafkaDialog

ME = {"user": "guest", "address": "127.0.0.1"}


@pytest.fixture
def room() -> HttpRoom:
    return HttpRoom()


def entries(room: HttpRoom, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = room.get(f"/api/audit{query}").json
    return found


def test_what_is_made_by_the_api(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/a%2Fb", {"durable": True})

    request, change = entries(room)
    assert (
        change.items()
        >= {
            **ME,
            "protocol": "http",
            "action": "created",
            "kind": "queues",
            "name": "//a/b",
        }.items()
    )
    assert (
        request.items()
        >= {
            **ME,
            "action": "PUT",
            "kind": "request",
            "name": "/api/queues/%2F/a%2Fb",
            "outcome": "201",
        }.items()
    )


def test_what_is_made_by_amqp(room: HttpRoom) -> None:
    client = room.dialog().log_in().open()
    client >> (1, methods.QueueDeclare("lasting", False, True, False, False, False, {}))
    client >> (1, methods.QueueDeclare("passing", False, False, True, False, False, {}))
    room.go_on(client)

    [change] = entries(room)
    assert change.items() >= {**ME, "protocol": "amqp091", "name": "//lasting"}.items()


def test_what_is_made_by_kafka(room: HttpRoom) -> None:
    client = KafkaDialog(room)  # type: ignore[arg-type]  # it has what is needed of one
    client.ask(CreateTopicsRequest([CreatableTopic("news", 1, 1)]))

    change = entries(room, "?kind=topics")[0]
    assert (change["protocol"], change["action"], change["name"]) == ("kafka", "created", "news")


def test_what_a_refused_request_wanted(room: HttpRoom) -> None:
    room.delete("/api/queues/%2F/nothing")

    [request] = entries(room)
    assert (request["action"], request["outcome"]) == ("DELETE", "404")


def test_who_tried_to_get_in(room: HttpRoom) -> None:
    room.get("/api/whoami", Authorization=basic("eve:guess"))
    room.post("/api/login", {"username": "guest", "password": "guest"})

    right, wrong = entries(room, "?action=login")
    assert (wrong["user"], wrong["outcome"]) == ("eve", "wrong user name or password")
    assert (right["user"], right["outcome"]) == ("guest", "right")


def test_no_password_is_in_it(room: HttpRoom) -> None:
    room.put("/api/users/eve", {"password": "s3cret", "tags": ""})
    room.get("/api/whoami", Authorization=basic("eve:s3cret2"))

    assert b"s3cret" not in room.get("/api/audit").body
    assert entries(room, "?kind=users")[0].items() >= {**ME, "name": "eve"}.items()


def test_messages_are_not_in_it(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/q", {})
    before = len(entries(room))
    body = {"properties": {}, "routing_key": "q", "payload": "x", "payload_encoding": "string"}
    room.post("/api/exchanges/%2F/amq.default/publish", body)

    assert len(entries(room)) == before


def test_it_is_for_administrators(room: HttpRoom) -> None:
    room.broker.users.put("eve", password="secret", tags=["monitoring"])

    assert room.get("/api/audit", Authorization=basic("eve:secret")).status == 401


def test_what_an_import_makes_is_made_by_who_imports(room: HttpRoom) -> None:
    """Most of all a new administrator."""
    users = [{"name": "eve", "password_hash": "", "tags": "administrator"}]
    assert room.post("/api/definitions", {"users": users}).status == 204

    request, change = entries(room)
    assert change.items() >= {**ME, "kind": "users", "name": "eve"}.items()
    assert request.items() >= {"action": "POST", "outcome": "204"}.items()


def test_an_import_that_is_refused_on_its_way_is_noted_as_refused(room: HttpRoom) -> None:
    document = {"vhosts": [{"name": "v"}], "queues": [{"name": "q", "vhost": "none"}]}
    assert room.post("/api/definitions", document).status == 400
    request, change = entries(room)
    assert (request["outcome"], change["name"], change["user"]) == ("400", "v", "guest")


def test_an_import_whose_sender_hangs_up_is_noted(room: HttpRoom) -> None:
    document = {"vhosts": [{"name": f"v{n}"} for n in range(50)]}
    browser = room.browser()
    browser.say("POST", "/api/definitions", document)
    browser.session.go_on()
    browser.session.peer_gone()
    del browser
    assert entries(room)[0]["outcome"] == "unfinished"


def test_who_imported_definitions_is_said_of_each_of_them(room: HttpRoom) -> None:
    many = [{"name": f"q{number}", "vhost": "/", "durable": True} for number in range(100)]
    assert room.post("/api/definitions", {"queues": many}).status < 300

    request, *made = entries(room)
    assert len(made) == 100
    assert {(one["user"], one["address"], one["protocol"]) for one in made} == {
        ("guest", "127.0.0.1", "http")
    }
    assert request["name"] == "/api/definitions"  # the newest: noted when it was done
    assert request["outcome"] == "204"


def test_an_import_that_fails_is_noted_as_one_that_failed(room: HttpRoom) -> None:
    assert room.post("/api/definitions", {"queues": [{"name": "q", "vhost": "gone"}]}).status == 400

    [request] = entries(room)
    assert request["outcome"] == "400"

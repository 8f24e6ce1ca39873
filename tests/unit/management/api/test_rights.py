"""What users may do by the API: what they may by AMQP, no more."""

import pytest

from anymq.management.api.api import all_routes
from anymq.management.api.routes import ADMINISTRATOR, ANYBODY
from anymq.testing.http import HttpRoom, Said, basic

ADA = basic("ada:secret")
MESSAGE = {"properties": {}, "routing_key": "q", "payload": "x", "payload_encoding": "string"}
GET = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}


@pytest.fixture
def room() -> HttpRoom:
    room = HttpRoom()
    for name in ("q", "other"):
        room.put(f"/api/queues/%2F/{name}")
    room.put("/api/exchanges/%2F/x", {"type": "topic"})
    room.put("/api/users/ada", {"password": "secret", "tags": "management"})
    return room


def as_ada(room: HttpRoom, method: str, path: str, body: object = None) -> Said:
    return room.browser().ask(method, path, body, Authorization=ADA)


def let(room: HttpRoom, configure: str = "", write: str = "", read: str = "") -> None:
    said = {"configure": configure, "write": write, "read": read}
    assert room.put("/api/permissions/%2F/ada", said).status in (201, 204)


@pytest.mark.parametrize(
    ("method", "path", "body", "rights"),
    [
        ("PUT", "queues/%2F/new", {}, {"configure": "new"}),
        ("DELETE", "queues/%2F/q", None, {"configure": "q"}),
        ("DELETE", "queues/%2F/q/contents", None, {"read": "q"}),
        ("POST", "queues/%2F/q/get", GET, {"read": "q"}),
        ("PUT", "exchanges/%2F/new", {}, {"configure": "new"}),
        ("DELETE", "exchanges/%2F/x", None, {"configure": "x"}),
        ("POST", "exchanges/%2F/x/publish", MESSAGE, {"write": "x"}),
        ("POST", "exchanges/%2F/amq.default/publish", MESSAGE, {"write": "amq.default"}),
        ("POST", "bindings/%2F/e/x/q/q", {}, {"write": "q", "read": "x"}),
        ("POST", "bindings/%2F/e/x/e/amq.fanout", {}, {"write": "amq.fanout", "read": "x"}),
    ],
)
def test_each_change_needs_its_right(
    room: HttpRoom, method: str, path: str, body: object, rights: dict[str, str]
) -> None:
    let(room, read="nothing")
    assert as_ada(room, method, f"/api/{path}", body).status == 401
    for missing in rights:
        let(room, **{key: each for key, each in rights.items() if key != missing})
        assert as_ada(room, method, f"/api/{path}", body).status == 401

    let(room, **{key: f"^{each}$" for key, each in rights.items()})
    assert as_ada(room, method, f"/api/{path}", body).status in (200, 201, 204)


def test_a_virtual_host_of_others_is_not_there(room: HttpRoom) -> None:
    for path in ("queues/%2F", "queues/%2F/q", "exchanges/%2F", "bindings/%2F", "vhosts/%2F"):
        assert as_ada(room, "GET", f"/api/{path}").status in (401, 404)
    assert as_ada(room, "GET", "/api/queues").json == []
    assert as_ada(room, "GET", "/api/vhosts").json == []
    assert as_ada(room, "PUT", "/api/queues/%2F/new", {}).status == 401


def test_who_has_no_tag_gets_nothing(room: HttpRoom) -> None:
    room.put("/api/users/ada", {"tags": ""})
    let(room, ".*", ".*", ".*")

    asked = [route for route in all_routes() if route.needs not in (ANYBODY, "user")]
    for route in asked:
        path = "/api" + route.path.replace(":vhost", "%2F").replace(":", "")
        assert as_ada(room, route.method, path, {}).status == 401, route


def test_what_is_for_administrators_is_for_them_alone(room: HttpRoom) -> None:
    room.put("/api/users/ada", {"tags": "management,monitoring,policymaker"})
    let(room, ".*", ".*", ".*")

    for route in all_routes():
        if route.needs == ADMINISTRATOR:
            path = "/api" + route.path.replace(":vhost", "%2F").replace(":user", "ada")
            assert as_ada(room, route.method, path, {}).status == 401, route


def test_only_ones_own_connections_are_seen_and_closed(room: HttpRoom) -> None:
    let(room, ".*", ".*", ".*")
    room.dialog().log_in().open(1)
    (connection,) = room.get("/api/connections").json

    assert as_ada(room, "GET", "/api/connections").json == []
    assert (
        as_ada(
            room,
            "DELETE",
            f"/api/connections/{connection['name']}".replace(" ", "%20").replace(">", "%3E"),
        ).status
        == 404
    )
    room.put("/api/users/ada", {"tags": "monitoring"})
    assert len(as_ada(room, "GET", "/api/connections").json) == 1
    assert as_ada(room, "DELETE", "/api/connections/username/guest").status == 401


def test_users_and_permissions(room: HttpRoom) -> None:
    let(room, "a", "b", "c")
    shown = {"user": "ada", "vhost": "/", "configure": "a", "write": "b", "read": "c"}

    assert room.get("/api/permissions/%2F/ada").json == shown
    assert room.get("/api/users/ada/permissions").json == [shown]
    assert shown in room.get("/api/vhosts/%2F/permissions").json
    assert room.get("/api/users/ada").json["tags"] == ["management"]
    topic = {"exchange": "amq.topic", "write": "b", "read": "c"}
    assert room.put("/api/topic-permissions/%2F/ada", topic).status == 201
    assert room.get("/api/topic-permissions/%2F/ada").json == [
        {"user": "ada", "vhost": "/", **topic}
    ]
    assert room.delete("/api/topic-permissions/%2F/ada/amq.topic").status == 204
    assert room.get("/api/topic-permissions/%2F/ada").status == 404
    assert room.delete("/api/permissions/%2F/ada").status == 204
    assert room.delete("/api/permissions/%2F/ada").status == 404
    assert [one["name"] for one in room.get("/api/users/without-permissions").json] == ["ada"]
    assert room.delete("/api/users/ada").status == 204
    assert room.get("/api/users/ada").status == 404


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("users/u", {"password": "p"}, "tags_not_present"),
        ("permissions/%2F/nobody", {"configure": "", "write": "", "read": ""}, "vhost_or_user"),
        ("permissions/nope/ada", {"configure": "", "write": "", "read": ""}, "vhost_or_user"),
        ("permissions/%2F/ada", {"configure": ""}, "[{key_missing,write},{key_missing,read}]"),
    ],
)
def test_what_makes_no_sense(room: HttpRoom, path: str, body: object, reason: str) -> None:
    said = room.put(f"/api/{path}", body)

    assert said.status == 400
    assert said.json["reason"].startswith(reason)


def test_nobody_publishes_in_the_name_of_another(room: HttpRoom) -> None:
    let(room, "", ".*", "")
    said = {**MESSAGE, "properties": {"user_id": "guest"}}

    assert as_ada(room, "POST", "/api/exchanges/%2F/x/publish", said).status == 401

"""Shovels by the API: who may, what is shown, what is kept."""

from typing import Any

import pytest

from anymq.testing.http import HttpRoom, basic

PATH = "/api/parameters/shovel/%2F/s"
VALUE = {
    "src-uri": "amqp://u:s3cret@h",
    "src-queue": "q",
    "dest-uri": ["amqp://u:s3cret@h/v?a=b", "amqp://"],
    "dest-queue": "q",
}


@pytest.fixture
def room() -> HttpRoom:
    return HttpRoom()


def user(room: HttpRoom, name: str, tags: str) -> str:
    room.put(f"/api/users/{name}", {"password": "secret", "tags": tags})
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    room.put(f"/api/permissions/%2F/{name}", rights)
    return basic(f"{name}:secret")


def test_no_answer_has_the_password_but_the_export(room: HttpRoom) -> None:
    assert room.put(PATH, {"value": VALUE}).status == 201
    paths = [
        *("/api/parameters", "/api/parameters/shovel", "/api/parameters/shovel/%2F", PATH),
        *("/api/shovels", "/api/shovels/%2F", "/api/shovels/vhost/%2F/s"),
        "/api/shovels/vhost/%2F/s/restart",
    ]
    for path in paths:
        said = room.get(path)
        assert said.status == 200
        assert b"s3cret" not in said.body
    assert b"s3cret" in room.get("/api/definitions").body


def test_policymakers_set_them_others_do_not(room: HttpRoom) -> None:
    logins = {tags: user(room, tags, tags) for tags in ("management", "monitoring", "policymaker")}
    for tags, login in logins.items():
        said = room.browser().ask("PUT", PATH, {"value": VALUE}, Authorization=login)
        assert said.status == (201 if tags == "policymaker" else 401), tags
    for tags, login in logins.items():
        said = room.browser().ask("GET", "/api/shovels", Authorization=login)
        assert said.status == (200 if tags == "monitoring" else 401), tags
    assert room.broker.policies.parameters.by("/", "shovel", "s") == "policymaker"


def test_nobody_says_in_whose_name_it_acts(room: HttpRoom) -> None:
    """It is whoever sets it last: not what a body claims."""
    maker = user(room, "eve", "policymaker")
    body = {"value": VALUE, "by": "guest"}
    room.browser().ask("PUT", PATH, body, Authorization=maker)
    assert room.broker.policies.parameters.by("/", "shovel", "s") == "eve"


def test_an_import_keeps_in_whose_name_it_acts(room: HttpRoom) -> None:
    maker = user(room, "eve", "policymaker")
    room.browser().ask("PUT", PATH, {"value": VALUE}, Authorization=maker)
    document = room.get("/api/definitions").json
    other = HttpRoom()
    assert other.post("/api/definitions", document).status in (200, 204)
    parameters = other.broker.policies.parameters
    assert parameters.of("/", "shovel")["s"] == VALUE
    assert parameters.by("/", "shovel", "s") == "eve"


def test_whose_is_not_said_in_a_file_is_of_who_imports(room: HttpRoom) -> None:
    one = {"vhost": "/", "component": "shovel", "name": "s", "value": VALUE}
    assert room.post("/api/definitions", {"parameters": [one]}).status == 204
    assert room.broker.policies.parameters.by("/", "shovel", "s") == "guest"


def test_there_are_so_many_at_most(room: HttpRoom) -> None:
    for number in range(2):
        assert room.put(f"{PATH}{number}", {"value": VALUE}).status == 201
    said = room.put(f"{PATH}2", {"value": VALUE})
    assert said.status == 400
    assert "limits.shovels_max" in said.json["reason"]
    assert room.put(f"{PATH}0", {"value": VALUE}).status == 204


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"src-uri": "http://u:s3cret@h"}, "a URI is wrong"),
        ({"src-uri": [1]}, "src-uri should be a URI"),
        ({"src-protocol": "amqp10"}, "src-protocol should be one of"),
        ({"what": 1}, "Unrecognised terms"),
        ({"src-protocol": "kafka"}, "Must specify 'src-topic'"),
        ({"dest-protocol": "kafka", "dest-queue": "q"}, "Must specify 'dest-topic'"),
        ({"src-delete-after": -1}, "src-delete-after should be"),
        ({"publish-properties": {"nope": 1}}, "Unrecognised terms"),
        ({"publish-properties": {"priority": "x"}}, "priority in publish-properties"),
        ({"reconnect-delay": "x"}, "reconnect-delay should be a number"),
        ({"src-queue": 1}, "src-queue should be binary"),
    ],
)
def test_what_makes_no_sense_is_refused(
    room: HttpRoom, change: dict[str, Any], reason: str
) -> None:
    said = room.put(PATH, {"value": {**VALUE, **change}})
    assert said.status == 400
    assert reason in said.json["reason"]
    assert "s3cret" not in said.json["reason"]

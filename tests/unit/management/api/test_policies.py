"""Policies, parameters, limits and definitions by the HTTP API."""

from typing import Any

import pytest

from anymq.core.rights.acls import ANY, AclRecord
from anymq.core.rights.operations import Kind, Operation
from anymq.protocols.amqp import methods
from anymq.testing.http import HttpRoom, Said, basic

LIMITED = {"pattern": "^q", "definition": {"max-length": 3}}


@pytest.fixture
def room() -> HttpRoom:
    return HttpRoom()


def as_user(room: HttpRoom, tags: str) -> "Any":
    """Let there be a user with these tags and all rights in `/`; return how he asks."""
    room.put("/api/users/ada", {"password": "secret", "tags": tags})
    room.put("/api/permissions/%2F/ada", {"configure": ".*", "write": ".*", "read": ".*"})

    def ask(method: str, path: str, body: object = None) -> Said:
        return room.browser().ask(method, path, body, Authorization=basic("ada:secret"))

    return ask


# Policies


def test_a_policy_is_shown_beside_what_follows_it(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/q", {"durable": True})
    assert room.put("/api/policies/%2F/p", LIMITED).status == 201
    assert room.put("/api/policies/%2F/p", {**LIMITED, "priority": 1}).status == 204
    operator = {"pattern": "", "definition": {"max-length": 2}}
    assert room.put("/api/operator-policies/%2F/o", operator).status == 201

    shown = room.get("/api/queues/%2F/q").json
    assert (shown["policy"], shown["operator_policy"]) == ("p", "o")
    assert shown["effective_policy_definition"] == {"max-length": 2}
    assert room.get("/api/queues").json[0]["policy"] == "p"
    (policy,) = room.get("/api/policies").json
    assert policy == {
        "vhost": "/",
        "name": "p",
        "pattern": "^q",
        "apply-to": "all",
        "definition": {"max-length": 3},
        "priority": 1,
    }

    assert room.delete("/api/policies/%2F/p").status == 204
    assert room.delete("/api/policies/%2F/p").status == 404
    assert room.get("/api/queues/%2F/q").json["policy"] is None


def test_the_operators_policies_are_the_administrators(room: HttpRoom) -> None:
    """Also by the other door: RabbitMQ lets a policymaker set them as parameters."""
    ask = as_user(room, "policymaker")
    assert ask("PUT", "/api/policies/%2F/p", LIMITED).status == 201
    for path, body in (
        ("/api/operator-policies/%2F/o", LIMITED),
        ("/api/vhost-limits/%2F/max-queues", {"value": 1}),
        ("/api/parameters/operator_policy/%2F/o", {"value": LIMITED}),
        ("/api/parameters/vhost-limits/%2F/limits", {"value": {"max-queues": 1}}),
    ):
        assert ask("PUT", path, body).status == 401
    assert ask("GET", "/api/operator-policies").status == 200
    assert ask("DELETE", "/api/policies/%2F/p").status == 204


def test_who_only_manages_sees_policies_and_changes_none(room: HttpRoom) -> None:
    room.put("/api/policies/%2F/p", LIMITED)
    ask = as_user(room, "management")
    assert len(ask("GET", "/api/policies").json) == 1
    assert ask("PUT", "/api/policies/%2F/p", LIMITED).status == 401
    assert ask("DELETE", "/api/policies/%2F/p").status == 401
    assert ask("GET", "/api/parameters").status == 401


def test_policies_of_virtual_hosts_that_one_may_not_enter_are_not_there(room: HttpRoom) -> None:
    room.put("/api/vhosts/v")
    room.put("/api/policies/v/p", LIMITED)
    ask = as_user(room, "policymaker")
    assert ask("GET", "/api/policies").json == []
    for method in ("GET", "PUT", "DELETE"):
        assert ask(method, "/api/policies/v/p", LIMITED).status in (401, 404)


# Parameters


def test_policies_are_no_matter_of_parameters(room: HttpRoom) -> None:
    room.put("/api/policies/%2F/p", LIMITED)
    assert room.get("/api/parameters").json == []
    (shown,) = room.get("/api/parameters/policy").json
    assert (shown["name"], shown["component"]) == ("p", "policy")
    said = room.put("/api/parameters/policy/%2F/p", {"value": LIMITED})
    assert said.json["reason"] == "policies may not be set using this method"
    assert room.delete("/api/parameters/policy/%2F/p").status == 400
    said = room.put("/api/parameters/nope/%2F/p", {"value": 1})
    assert said.json["reason"] == "Validation failed\n\ncomponent nope not found\n"


def test_global_parameters_take_any_value(room: HttpRoom) -> None:
    assert room.put("/api/global-parameters/g", {"value": {"a": [1, None]}}).status == 201
    assert room.put("/api/global-parameters/g", {"value": "x"}).status == 204
    assert room.get("/api/global-parameters/g").json == {"name": "g", "value": "x"}
    assert room.delete("/api/global-parameters/g").status == 204
    assert room.get("/api/global-parameters/g").status == 404
    assert room.put("/api/global-parameters/g", {}).status == 400


def test_the_cluster_has_the_name_it_was_given(room: HttpRoom) -> None:
    assert room.put("/api/cluster-name", {"name": "ours"}).status == 204
    assert room.get("/api/cluster-name").json == {"name": "ours"}
    assert room.get("/api/overview").json["cluster_name"] == "ours"


# Limits


def test_limits_are_shown_and_taken_away(room: HttpRoom) -> None:
    assert room.put("/api/vhost-limits/%2F/max-queues", {"value": 1}).status == 204
    assert room.get("/api/vhost-limits").json == [{"vhost": "/", "value": {"max-queues": 1}}]
    assert room.put("/api/queues/%2F/q").status == 201
    said = room.put("/api/queues/%2F/r")
    assert said.json["reason"].startswith("cannot declare queue 'r': queue limit in vhost '/' (1)")
    assert room.delete("/api/vhost-limits/%2F/max-queues").status == 204
    assert room.get("/api/vhost-limits").json == []

    assert room.put("/api/user-limits/guest/max-channels", {"value": 1}).status == 204
    assert room.get("/api/users/guest").json["limits"] == {"max-channels": 1}
    assert room.delete("/api/user-limits/guest/all").status == 204
    assert room.get("/api/user-limits/guest").json == []


@pytest.mark.parametrize(
    ("path", "value", "status", "reason"),
    [
        ("vhost-limits/%2F/nope", 3, 400, 'Validation failed\n\nUnrecognised terms [{<<"nope">>,3}] in limits\n'),  # noqa: E501
        ("vhost-limits/%2F/max-queues", "3", 400, 'Validation failed\n\nmax-queues should be a number, actually was <<"3">>\n'),  # noqa: E501
        ("vhost-limits/nope/max-queues", 3, 404, "vhost_not_found"),
        ("user-limits/guest/nope", 3, 400, 'Unrecognised terms [{<<"nope">>,3}] in user-limits'),
        ("user-limits/guest/max-channels", 1.5, 400, "max-channels should be a number, actually was 1.5"),  # noqa: E501
        ("user-limits/nope/max-channels", 3, 400, ["no_such_user", "nope"]),
    ],
)  # fmt: skip
def test_limits_that_make_no_sense(
    room: HttpRoom, path: str, value: object, status: int, reason: object
) -> None:
    said = room.put(f"/api/{path}", {"value": value})
    assert (said.status, said.json["reason"]) == (status, reason)


def test_everybody_may_see_his_own_limits_only(room: HttpRoom) -> None:
    ask = as_user(room, "")
    assert ask("GET", "/api/user-limits/ada").status == 200
    assert ask("GET", "/api/user-limits/guest").status == 401


# Virtual hosts


def test_a_virtual_host_is_described_and_protected(room: HttpRoom) -> None:
    said = {"description": "d", "tags": "a, b", "default_queue_type": "quorum"}
    assert room.put("/api/vhosts/v", said).status == 201
    shown = room.get("/api/vhosts/v").json
    assert (shown["description"], shown["tags"]) == ("d", ["a", "b"])
    assert shown["metadata"]["default_queue_type"] == "quorum"

    assert room.post("/api/vhosts/v/deletion/protection").status == 204
    said_no = room.delete("/api/vhosts/v")
    assert (said_no.status, said_no.json["error"]) == (412, "precondition_failed")
    assert room.get("/api/vhosts/v").json["protected_from_deletion"]
    assert room.delete("/api/vhosts/v/deletion/protection").status == 204
    assert room.delete("/api/vhosts/v").status == 204
    assert room.post("/api/vhosts/v/deletion/protection").status == 404
    assert room.put("/api/vhosts/v", {"default_queue_type": "x"}).status == 400


def test_queues_become_what_their_virtual_host_says(room: HttpRoom) -> None:
    """As in RabbitMQ: what cannot be of that type becomes a classic queue."""
    room.put("/api/vhosts/v", {"default_queue_type": "quorum"})
    room.put("/api/queues/v/lasting", {"durable": True})
    room.put("/api/queues/v/short", {"durable": False})
    again = {"durable": True, "arguments": {"x-queue-type": "quorum"}}

    assert room.get("/api/queues/v/lasting").json["type"] == "quorum"
    assert room.get("/api/queues/v/short").json["type"] == "classic"
    assert room.put("/api/queues/v/lasting", again).status == 204
    assert room.put("/api/queues/v/lasting", {"durable": True}).status == 204


# Users


def test_several_users_go_at_once(room: HttpRoom) -> None:
    for name in ("ada", "bob", "cyd"):
        room.put(f"/api/users/{name}", {"password": "x", "tags": ""})
    assert room.post("/api/users/bulk-delete", {"users": ["ada", "bob", "nope"]}).status == 204
    assert [one["name"] for one in room.get("/api/users").json] == ["cyd", "guest"]
    assert room.post("/api/users/bulk-delete", {}).status == 400


def test_who_is_deleted_is_disconnected(room: HttpRoom) -> None:
    room.put("/api/users/ada", {"password": "x", "tags": ""})
    room.put("/api/permissions/%2F/ada", {"configure": "", "write": "", "read": ""})
    client = room.dialog().log_in(response=b"\0ada\0x").open(1)
    room.post("/api/users/bulk-delete", {"users": ["ada"]})
    room.go_on(client)

    ((_, close),) = client.answers()
    assert isinstance(close, methods.ConnectionClose)
    assert "user 'ada' is deleted" in close.reply_text


# Definitions


def test_everything_that_is_said_goes_round(room: HttpRoom) -> None:
    fill(room)
    document = room.get("/api/definitions").json
    other = HttpRoom()
    assert other.post("/api/definitions", document).status == 204
    again = other.get("/api/definitions").json

    assert again == document
    assert other.post("/api/definitions", document).status == 204
    assert (
        other.browser().ask("GET", "/api/whoami", Authorization=basic("ada:secret")).status == 200
    )


def fill(room: HttpRoom) -> None:
    room.put("/api/vhosts/v", {"description": "d", "tags": "a", "default_queue_type": "quorum"})
    room.post("/api/vhosts/v/deletion/protection")
    room.put("/api/users/ada", {"password": "secret", "tags": "monitoring"})
    room.put("/api/user-limits/ada/max-connections", {"value": 3})
    room.put("/api/permissions/v/ada", {"configure": "^c", "write": "", "read": ".*"})
    topics = {"exchange": "amq.topic", "write": "^a", "read": ".*"}
    room.put("/api/topic-permissions/v/ada", topics)
    room.put("/api/policies/v/p", LIMITED)
    room.put("/api/operator-policies/v/o", LIMITED)
    room.put("/api/vhost-limits/v/max-queues", {"value": 9})
    room.put("/api/global-parameters/g", {"value": [1]})
    room.put("/api/queues/v/q", {"durable": True})


def test_what_is_set_for_users_of_the_configuration_comes_back(room: HttpRoom) -> None:
    """And rules of Kafka's tools: a backup without them would open what they close."""
    room.put("/api/permissions/%2F/guest", {"configure": ".*", "write": "^w", "read": ".*"})
    rule = AclRecord(Kind.TOPIC, "secret", False, "guest", ANY, Operation.READ, False)
    room.broker.users.acls.add([rule], lambda _: None)
    document = room.get("/api/definitions").json
    assert document["users"] == document["permissions"] == []

    other = HttpRoom()
    assert other.post("/api/definitions", document).status == 204
    (permission,) = other.get("/api/permissions").json
    assert permission["write"] == "^w"
    assert list(other.broker.users.acls) == [rule]
    assert other.get("/api/whoami").status == 200  # the password is the configuration's


def test_a_virtual_host_goes_round(room: HttpRoom) -> None:
    fill(room)
    document = room.get("/api/definitions/v").json
    other = HttpRoom()
    other.put("/api/vhosts/w")
    assert other.post("/api/definitions/w", document).status == 204
    again = other.get("/api/definitions/w").json
    for key in ("policies", "parameters", "queues", "exchanges", "bindings", "limits"):
        assert again[key] == document[key] != ([] if key != "limits" else {}) or key in (
            "exchanges",
            "bindings",
        )


def test_what_only_plugins_know_is_left_out_and_said(room: HttpRoom) -> None:
    """A file of RabbitMQ 3 with mirrored queues and shovels comes in without them."""
    parameter = {"vhost": "/", "component": "shovel", "name": "s", "value": {}}
    mirrored = {"ha-mode": "all", "max-length": 5}
    policies = [
        {"vhost": "/", "name": "ha", "pattern": "", "definition": {"ha-mode": "all"}},
        {"vhost": "/", "name": "both", "pattern": "", "definition": mirrored},
    ]
    said = room.post("/api/definitions", {"parameters": [parameter], "policies": policies})

    assert said.json == {"not_imported": {"parameters": 1, "policies": 2}}
    (policy,) = room.get("/api/policies").json
    assert (policy["name"], policy["definition"]) == ("both", {"max-length": 5})


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"users": [{"name": "x"}]}, "tags_not_present"),
        ({"users": [{"name": "x", "tags": [], "verifiers": ["secret"]}]}, "the verifier of a password"),  # noqa: E501
        ({"permissions": [{"user": "nope", "vhost": "/", "configure": "", "write": "", "read": ""}]}, '{no_such_user,<<"nope">>}'),  # noqa: E501
        ({"policies": [{"name": "x", "vhost": "nope", "pattern": "q", "definition": {"expires": 1}}]}, 'Please create virtual host "nope" prior to importing definitions.'),  # noqa: E501
        ({"policies": [{"name": "x", "vhost": "/", "pattern": "q", "definition": {"a": 1}}]}, 'Validation failed\n\n[{<<"a">>,1}] are not recognised policy settings\n (vhost: "/" key: "x")'),  # noqa: E501
    ],
)  # fmt: skip
def test_definitions_that_make_no_sense(
    room: HttpRoom, document: dict[str, Any], reason: str
) -> None:
    said = room.post("/api/definitions", document)
    assert said.status == 400
    assert said.json["reason"].startswith(reason)


def test_an_import_of_policies_takes_turns(room: HttpRoom) -> None:
    """Each asks all queues whether it is for them: of 10,000, that takes 100 ms."""
    many = [{"name": f"p{number}", "vhost": "/", **LIMITED} for number in range(20)]
    browser = room.browser()
    assert browser.ask("POST", "/api/definitions", {"policies": many}).status == 204
    assert browser.turns >= len(many)

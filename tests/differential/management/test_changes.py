"""Changes by RabbitMQ's HTTP API and by ours, one after the other: the same status, the same words.

Not among them: what RabbitMQ answers with 500, or lets a policymaker do that is an administrator's
(operator policies and limits set as parameters): we refuse that.
"""

from typing import Any

import pytest
from tests.differential.management.test_shapes import Asked, ours, theirs

__all__ = ("ours", "theirs")  # fixtures

P = {"pattern": "^q", "definition": {"max-length": 1}}
Step = tuple[str, str, object]
STEPS: list[Step] = [
    ("PUT", "policies/%2F/a", P),
    ("PUT", "policies/%2F/a", {**P, "priority": 3.5, "apply-to": "queues"}),
    ("PUT", "policies/%2F/a", {**P, "apply-to": "x", "priority": "a"}),
    ("PUT", "policies/%2F/a", {"pattern": "^q"}),
    ("PUT", "policies/%2F/a", {"pattern": "^q", "definition": {}}),
    ("PUT", "policies/%2F/a", {"pattern": 1, "definition": {"expires": 0}}),
    ("PUT", "policies/%2F/a", {"pattern": "^q", "definition": {"message-ttl": "a"}}),
    ("PUT", "policies/%2F/a", {"pattern": "^q", "definition": {"foo": {"a": [1, "b", True]}}}),
    ("PUT", "policies/%2F/a", {"pattern": "^q", "definition": {"delayed-retry-type": "all"}}),
    ("PUT", "policies/nope/a", P),
    ("GET", "policies/%2F/a", None),
    ("PUT", "operator-policies/%2F/o", {"pattern": "", "definition": {"dead-letter-exchange": ""}}),
    ("PUT", "operator-policies/%2F/o", P),
    ("GET", "parameters/operator_policy/%2F/o", None),
    ("DELETE", "operator-policies/%2F/o", None),
    ("DELETE", "policies/%2F/a", None),
    ("DELETE", "policies/%2F/a", None),
    ("PUT", "parameters/policy/%2F/a", {"value": P}),
    ("PUT", "parameters/nope/%2F/a", {"value": 1}),
    ("PUT", "parameters/vhost-limits/%2F/limits", {"value": 3}),
    ("PUT", "parameters/vhost-limits/%2F/limits", {"value": {"max-queues": 90}}),
    ("PUT", "parameters/vhost-limits/nope/limits", {"value": {"max-queues": 90}}),
    ("DELETE", "parameters/vhost-limits/%2F/limits", None),
    ("DELETE", "parameters/vhost-limits/%2F/limits", None),
    ("PUT", "vhost-limits/%2F/max-queues", {"value": "3"}),
    ("PUT", "vhost-limits/%2F/nope", {"value": 3}),
    ("PUT", "vhost-limits/%2F/max-queues", {}),
    ("PUT", "vhost-limits/nope/max-queues", {"value": 3}),
    ("PUT", "vhost-limits/%2F/max-queues", {"value": 3}),
    ("PUT", "queues/%2F/four", {"durable": True}),
    ("DELETE", "vhost-limits/%2F/max-queues", None),
    ("DELETE", "vhost-limits/%2F/nope", None),
    ("DELETE", "vhost-limits/nope/max-queues", None),
    ("PUT", "user-limits/guest/max-connections", {"value": 99}),
    ("PUT", "user-limits/guest/max-connections", {"value": "3"}),
    ("PUT", "user-limits/guest/nope", {"value": 3}),
    ("PUT", "user-limits/nope/max-channels", {"value": 3}),
    ("DELETE", "user-limits/guest/max-connections", None),
    ("DELETE", "user-limits/guest/nope", None),
    ("PUT", "global-parameters/h", {"value": {"a": 1}}),
    ("PUT", "global-parameters/h", {"value": 2}),
    ("PUT", "global-parameters/h", {}),
    ("DELETE", "global-parameters/h", None),
    ("DELETE", "global-parameters/h", None),
    ("PUT", "cluster-name", {"name": "ours"}),
    ("PUT", "cluster-name", {}),
    ("GET", "cluster-name", None),
    ("PUT", "vhosts/w", {"description": "d", "tags": "a,b", "default_queue_type": "quorum"}),
    ("PUT", "vhosts/w", {"default_queue_type": "x"}),
    ("PUT", "vhosts/w", {"description": "e"}),
    ("PUT", "vhosts/w", {"default_queue_type": "quorum"}),
    ("PUT", "queues/w/q", {"durable": True}),
    ("PUT", "queues/w/q", {"durable": True, "arguments": {"x-queue-type": "quorum"}}),
    ("PUT", "queues/w/q", {"durable": True, "arguments": {"x-queue-type": "classic"}}),
    ("PUT", "queues/w/short", {"durable": True, "auto_delete": True}),
    ("PUT", "permissions/w/guest", {"configure": "", "write": "", "read": ".*"}),
    ("PUT", "permissions/w/nope", {"configure": "", "write": "", "read": ".*"}),
    ("PUT", "permissions/nope/guest", {"configure": "", "write": "", "read": ".*"}),
    ("PUT", "permissions/w/guest", {"configure": ""}),
    ("PUT", "topic-permissions/w/guest", {"exchange": "no", "write": "", "read": ""}),
    ("PUT", "topic-permissions/w/guest", {"exchange": "", "write": "", "read": ""}),
    ("PUT", "topic-permissions/w/guest", {"exchange": "amq.topic", "write": "", "read": ""}),
    ("POST", "vhosts/w/deletion/protection", None),
    ("DELETE", "vhosts/w", None),
    ("DELETE", "vhosts/w/deletion/protection", None),
    ("DELETE", "vhosts/w", None),
    ("POST", "vhosts/w/deletion/protection", None),
    ("DELETE", "vhosts/w/deletion/protection", None),
    ("PUT", "users/bob", {"password": "x", "tags": "a"}),
    ("POST", "users/bulk-delete", {"users": ["bob", "nope"]}),
    ("POST", "users/bulk-delete", {}),
    ("GET", "users/bob", None),
    ("PUT", "feature-flags/nope/enable", {}),
    ("PUT", "feature-flags/khepri_db/enable", {}),
    ("GET", "health/checks/quorum-queues-without-elected-leaders/all-vhosts/", None),
    ("GET", "health/checks/quorum-queues-without-elected-leaders/vhost/%2F/pattern/x", None),
    ("GET", "health/checks/metadata-store/initialized/with-data", None),
    ("GET", "healthchecks/node/nope", None),
    ("POST", "rebalance/queues", None),
    ("POST", "queues/%2F/q/actions", {"action": "sync"}),
    ("POST", "queues/%2F/nope/actions", {"action": "sync"}),
    ("POST", "queues/%2F/q/actions", {}),
    ("POST", "definitions", {"users": [{"name": "x"}]}),
    ("POST", "definitions", {"policies": [{"name": "x", "vhost": "nope", **P}]}),
    ("POST", "definitions", {"policies": [{"name": "x", "vhost": "/", "pattern": "", "definition": {}}]}),  # noqa: E501
    ("POST", "definitions", {"permissions": [{"user": "nope", "vhost": "/", "configure": "", "write": "", "read": ""}]}),  # noqa: E501
    ("POST", "definitions", {"global_parameters": [{"name": "i", "value": 1}]}),
    ("POST", "definitions/nope", {}),
    ("GET", "definitions/nope", None),
]  # fmt: skip


def told(answer: tuple[int, Any]) -> tuple[int, Any]:
    """Return a status, and what was wrong."""
    status, said = answer
    return status, said if status >= 400 else None


@pytest.mark.xdist_group("differential-management")
def test_changes_one_after_the_other(ours: Asked, theirs: Asked) -> None:
    assert [
        f"{method} {path} {body}: they say {they}, we say {we}"
        for method, path, body in STEPS
        if (they := told(theirs(method, path, body, tries=0)))
        != (we := told(ours(method, path, body, tries=0)))
    ] == []


VHOST: list[dict[str, object]] = [
    {"description": "d", "tags": "a,b"},
    {"tags": "c"},
    {"tracing": True},
    {"description": "e"},
    {"default_queue_type": "quorum"},
    {"tags": ["x"], "description": "g"},
    {},
]


@pytest.mark.xdist_group("differential-management")
def test_of_a_virtual_host_holds_what_was_said_last(ours: Asked, theirs: Asked) -> None:
    """What is not said is erased, but for tracing: whoever changes a part has to say the rest."""
    keys = ("description", "tags", "default_queue_type", "tracing", "protected_from_deletion")
    for said in VHOST:
        they, we = (
            (ask("PUT", "vhosts/said", said, tries=0)[0], ask("GET", "vhosts/said", None)[1])
            for ask in (theirs, ours)
        )
        assert [they[0], *map(they[1].get, keys)] == [we[0], *map(we[1].get, keys)], said
    for ask in (theirs, ours):
        assert ask("DELETE", "vhosts/said", None, tries=0)[0] == 204

"""The same questions to RabbitMQ's HTTP API and to ours: the same status, keys and types.

What RabbitMQ says and we do not, or otherwise, is listed with the reason.
"""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from tests.peers.http_api import ask
from tests.peers.maven import PeerUnavailable
from tests.peers.process import free_ports
from tests.peers.rabbitmq import RabbitmqServer

from anymq.testing import EmbeddedBroker

# What of RabbitMQ's we do not say, as patterns of paths within the answers.
NOT_SAID = {
    r"garbage_collection|reductions|memory\b|cached_segments|pending_raft": "Erlang's",
    r"cowboy_opts|socket_opts|\.applications|log_files|config_files": "its listeners and files",
    r"message_stats": "only some of the counters; none where nothing is counted",
    r"churn_rates|recv_|send_|consumer_(capacity|utilisation)": "not counted",
    r"message_bytes|messages_(persistent|ram|ready_ram|unacknowledged_ram)": "not counted",
    r"messages_(delayed|dlx|active|by_priority|ready_returned|uncommitted)": "not counted",
    r"acks_uncommitted|idle_since|head_message_timestamp": "not noted",
    r"peer_cert|ssl_": "not shown yet",
    r"storage_version|open_files|readers|segments|first_timestamp|publishers": "its storage",
    r"delayed_retry|deliveries|publishes": "not there yet",
    r"\.(totals|type_specific|effective_policy_definition|(operator_)?policy)$": "slim lists",
    r"^\[\]\.(javascript)|^\[\]$": "no extensions",
    r"^\.users\[\]": "given users are not exported; those with verifiers have no hash",
    r"callbacks": "nothing happens when a feature flag is set",
    r"cluster_state\.": "the name of the node",
    r"node_tags|global_parameters|password_hash|\.arguments\.x-queue-type": "another content",
    r"sample_retention": "no history",
}
OTHER_TYPES = {
    r"consumer_timeout": "null where there is none",
    r"\.exclusive": "RabbitMQ says null of queues that cannot be",
    r"\.cluster_state": "[] of RabbitMQ while it opens or closes a virtual host",
}
PATHS = [
    *("overview", "whoami", "cluster-name", "extensions", "vhosts", "vhosts/%2F", "vhosts/nope"),
    *("exchanges", "exchanges/%2F/x", "exchanges/%2F/nope", "queues", "queues/%2F", "queues/nope"),
    *("queues/%2F/q", "queues/%2F/qq", "queues/%2F/s", "queues/%2F/nope", "queues/%2F/q/bindings"),
    *("exchanges/%2F/x/bindings/source", "exchanges/%2F/x/bindings/destination", "bindings"),
    *("bindings/%2F/e/x/q/q", "bindings/%2F/e/x/q/q/nope", "connections", "channels", "consumers"),
    *("queues?page=1&page_size=2", "queues?page=9", "queues?page=0", "queues?columns=name,type"),
    *("queues?sort=name&sort_reverse=true", "queues?disable_stats=true&enable_queue_totals=true"),
    *("aliveness-test/%2F", "aliveness-test/nope", "health/checks/alarms", "health/checks/nope"),
    *("health/checks/local-alarms", "health/checks/virtual-hosts", "health/checks/port-listener/x"),
    *("health/checks/node-is-quorum-critical", "health/checks/is-in-service", "version"),
    *("definitions/%2F", "connections/nope", "channels/nope", "consumers/%2F", "nodes/nope"),
    *("policies", "policies/%2F", "policies/%2F/p", "policies/%2F/nope", "policies/nope"),
    *("operator-policies", "operator-policies/%2F/op", "operator-policies/%2F/nope"),
    *("parameters", "parameters/policy", "parameters/policy/%2F/p", "parameters/nope"),
    *("parameters/operator_policy/%2F", "parameters/vhost-limits/%2F/limits", "parameters/x/nope"),
    *("global-parameters", "global-parameters/g", "global-parameters/nope"),
    *("vhost-limits", "vhost-limits/%2F", "vhost-limits/nope", "user-limits", "user-limits/nope"),
    *("user-limits/guest", "users", "users/guest", "users/nope", "users/without-permissions"),
    *("permissions", "permissions/%2F/guest", "permissions/%2F/nope", "topic-permissions"),
    *("topic-permissions/%2F/ada", "topic-permissions/%2F/guest", "users/ada/permissions"),
    *("users/ada/topic-permissions", "vhosts/%2F/permissions", "vhosts/%2F/topic-permissions"),
    *("definitions", "all-configuration", "auth/hash_password/x", "feature-flags"),
    *("deprecated-features/used", "queues/detailed", "definitions/nope", "vhosts/v"),
]

SAID = {
    "policies/%2F/p": {"pattern": "^q", "definition": {"max-length-bytes": 100_000}},
    "operator-policies/%2F/op": {"pattern": "^q", "definition": {"expires": 10_000_000}},
    "vhost-limits/%2F/max-queues": {"value": 100},
    "user-limits/guest/max-channels": {"value": 100},
    "global-parameters/g": {"value": {"a": [1, None, "x"]}},
    "users/ada": {"password": "secret", "tags": "monitoring"},
    "permissions/%2F/ada": {"configure": "", "write": ".*", "read": ".*"},
    "topic-permissions/%2F/ada": {"exchange": "amq.topic", "write": "^a", "read": ""},
    "vhosts/v": {"description": "d", "tags": "a,b", "default_queue_type": "quorum"},
}


class Asked:
    """One API, and a client at the broker behind it."""

    def __init__(self, amqp: int, http: int) -> None:
        self._http, self.amqp = http, amqp
        self._client = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", amqp))
        self._set_up()

    def close(self) -> None:
        self._client.close()

    def __call__(
        self, method: str, path: str, body: object = None, tries: int = 50
    ) -> tuple[int, Any]:
        status, said = ask(self._http, method, path, body)
        if status == 500 and tries:  # RabbitMQ's: its statistics are not there yet
            time.sleep(0.2)
            return self(method, path, body, tries - 1)
        return status, said

    def _set_up(self) -> None:
        said = [("q", "classic"), ("qq", "quorum"), ("s", "stream")]
        for name, kind in said:
            declaration = {"durable": True, "arguments": {"x-queue-type": kind}}
            assert self("PUT", f"queues/%2F/{name}", declaration)[0] == 201
        assert self("PUT", "exchanges/%2F/x", {"type": "topic", "durable": True})[0] == 201
        assert self("POST", "bindings/%2F/e/x/q/q", {"routing_key": "a.b"})[0] == 201
        for path, body in SAID.items():
            assert self("PUT", path, body)[0] in (201, 204), path
        channel = self._client.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume("q", lambda *_: None, consumer_tag="tag")
        channel.basic_publish("x", "a.b", b"x")
        self._client.process_data_events(0.1)


@pytest.fixture(scope="module")
def ours() -> Iterator[Asked]:
    with EmbeddedBroker() as broker:
        asked = Asked(broker.ports["amqp"], broker.ports["management"])
        yield asked
        asked.close()


@pytest.fixture(scope="module")
def theirs() -> Iterator[Asked]:
    (port,) = free_ports(1)
    settings = {"management.tcp.port": str(port), "management.tcp.ip": "127.0.0.1"}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = RabbitmqServer(Path(folder), settings, plugins=("rabbitmq_management",))
        try:
            server.start()
        except PeerUnavailable as reason:
            pytest.skip(str(reason))
        try:
            if not server.version.startswith("4."):
                pytest.skip("an old RabbitMQ: ./dev peers rabbitmq")
            asked = Asked(server.port, port)
            yield asked
            asked.close()
        finally:
            server.stop()


def kinds(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Go through all that is said: where, and of what type."""
    if isinstance(value, dict):
        yield path, "object"
        for key, each in value.items():
            yield from kinds(each, f"{path}.{key}")
    elif isinstance(value, list):
        yield path, "list"
        for each in value:
            yield from kinds(each, f"{path}[]")
    else:
        names = {bool: "boolean", int: "number", float: "number", str: "text"}
        yield path, names.get(type(value), "null")


def explained(path: str, reasons: dict[str, str]) -> bool:
    return any(re.search(pattern, path) for pattern in reasons)


@pytest.mark.xdist_group("differential-management")
@pytest.mark.parametrize("path", PATHS)
def test_the_same_keys_and_types(ours: Asked, theirs: Asked, path: str) -> None:
    our_status, we_say = ours("GET", path)
    their_status, they_say = theirs("GET", path)
    mine, rabbits = dict(kinds(we_say)), dict(kinds(they_say))
    missing = [key for key in rabbits.keys() - mine.keys() if not explained(key, NOT_SAID)]
    other = [
        (key, mine[key], rabbits[key])
        for key in rabbits.keys() & mine.keys()
        if mine[key] != rabbits[key] and not explained(key, OTHER_TYPES)
    ]

    assert our_status == their_status
    assert (missing, other) == ([], [])
    if our_status >= 400:
        assert we_say["error"] == they_say["error"]

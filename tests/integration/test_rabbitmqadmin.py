"""RabbitMQ's own rabbitmqadmin, unchanged, as people script it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymq.testing import EmbeddedBroker

PROGRAM = shutil.which("rabbitmqadmin")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no rabbitmqadmin (Debian's package)")


class Admin:
    """The program, at one broker."""

    def __init__(self, port: int) -> None:
        self._port = port

    def run(self, *words: str, types: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(PROGRAM), "-P", str(self._port), "-f", "raw_json", *words]
        return subprocess.run(
            command, input=types, capture_output=True, text=True, timeout=30, check=False
        )

    def __call__(self, words: str, *more: str, types: str = "") -> str:
        done = self.run(*words.split(), *more, types=types)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def refused(self, words: str) -> str:
        done = self.run(*words.split())
        assert done.returncode != 0
        return done.stdout + done.stderr

    def names(self, words: str) -> list[str]:
        return [row["name"] for row in json.loads(self(words))]


@pytest.fixture
def admin() -> Iterator[Admin]:
    with EmbeddedBroker() as broker:
        yield Admin(broker.ports["management"])


def test_a_session(admin: Admin, tmp_path: Path) -> None:  # noqa: PLR0915 - one step after another
    """Thirty steps."""
    (overview,) = json.loads("[" + admin("show overview").strip("[]") + "]")
    assert overview["rabbitmq_version"].startswith("4.")
    assert admin.names("list vhosts name") == ["/"]
    assert "amq.topic" in admin.names("list exchanges")
    assert admin("declare vhost name=v") == "vhost declared"

    assert admin("-V v declare queue name=q", 'arguments={"x-max-length": 100}') == "queue declared"
    assert admin("-V v declare queue name=qq queue_type=quorum") == "queue declared"
    assert admin("-V v declare exchange name=x type=topic") == "exchange declared"
    binding = admin("-V v declare binding source=x destination=q routing_key=a.#")
    assert binding == "binding declared"
    assert admin.names("-V v list queues name") == ["q", "qq"]
    keys = [row["properties_key"] for row in json.loads(admin("-V v list bindings"))]

    properties = 'properties={"delivery_mode":2,"headers":{"n":1}}'
    said = admin("-V v publish exchange=x routing_key=a.b payload=hello", properties)
    assert said == "Message published"
    assert admin("-V v publish routing_key=q", types="piped") == "Message published"
    assert "NOT routed" in admin("-V v publish routing_key=nowhere payload=x")
    seen = json.loads(admin("-V v get queue=q count=5"))
    assert [row["payload"] for row in seen] == ["hello", "piped"]
    (taken,) = json.loads(admin("-V v get queue=q ackmode=ack_requeue_false"))
    assert (taken["payload"], taken["redelivered"]) == ("hello", True)
    (row,) = json.loads(admin("-V v list queues name messages"))[:1]
    assert row == {"name": "q", "messages": 1}
    assert admin("-V v purge queue name=q") == "queue purged"
    assert json.loads(admin("-V v get queue=q")) == []

    assert "inequivalent arg" in admin.refused("-V v declare queue name=q durable=false")
    unbind = "-V v delete binding source=x destination_type=queue destination=q properties_key="
    assert admin(unbind + keys[-1]) == "binding deleted"
    kept = tmp_path / "definitions.json"
    admin("export", str(kept))
    assert {one["name"] for one in json.loads(kept.read_text())["queues"]} == {"q", "qq"}
    assert admin("-V v delete exchange name=x") == "exchange deleted"
    assert admin("-V v delete queue name=q") == "queue deleted"
    assert "Not found" in admin.refused("-V v delete queue name=q")
    assert admin("delete vhost name=v") == "vhost deleted"
    admin("import", str(kept))
    assert admin.names("-V v list queues name") == ["q", "qq"]
    for each in ("connections", "channels", "consumers"):
        assert json.loads(admin(f"list {each}")) == []
    assert len(admin.names("list nodes name")) == 1
    assert "Access refused" in admin.refused("-u guest -p wrong list queues")

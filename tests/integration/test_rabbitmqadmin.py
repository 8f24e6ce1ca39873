"""RabbitMQ's own rabbitmqadmin, unchanged, as people script it; and ours, which does the same."""

import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from typing_extensions import override

from anymq.cli.rabbitmq_tools.admin import main
from anymq.testing import EmbeddedBroker

PROGRAM = shutil.which("rabbitmqadmin")
THEIRS = [sys.executable, str(PROGRAM)]
OURS = [sys.executable, "-m", "anymq", "rabbitmqadmin"]
with_theirs = pytest.mark.skipif(PROGRAM is None, reason="no rabbitmqadmin (Debian's package)")


class Admin:
    """A program, at one broker."""

    def __init__(self, program: list[str], port: int, form: str = "raw_json") -> None:
        self._command = [*program, "-P", str(port), "-f", form]

    def run(self, *words: str, types: str = "") -> subprocess.CompletedProcess[str]:
        command = [*self._command, *words]
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


@pytest.fixture(
    params=[pytest.param(THEIRS, marks=with_theirs, id="theirs"), pytest.param(OURS, id="ours")]
)
def admin(request: pytest.FixtureRequest) -> Iterator[Admin]:
    with EmbeddedBroker() as broker:
        yield Admin(request.param, broker.ports["management"])


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


LOOKS = (
    *("list queues", "list queues name arguments", "list bindings", "list users"),
    *("-S name -R list exchanges", "-V / list queues name", "show overview node"),
    *("get queue=q", "-d 2 list vhosts", "-q list consumers", "list consumers"),
)
WRONG = ("list nonsense", "declare queue", "delete queue name=no", "declare queue a=b")


class Ours(Admin):
    """Ours, without a process for each command: theirs take long enough."""

    def __init__(self, port: int, form: str) -> None:
        self._command = ["-P", str(port), "-f", form]

    @override
    def run(self, *words: str, types: str = "") -> subprocess.CompletedProcess[str]:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main("rabbitmqadmin", [*self._command, *words])
        return subprocess.CompletedProcess(words, status, out.getvalue(), err.getvalue())


def rateless(said: str) -> str:
    """What was said, without what changes by the second."""
    return re.sub(r'("rate": )[0-9.]+', r"\1…", said)


@with_theirs
def test_both_write_the_same() -> None:
    """Scripts cut the output into pieces: letter by letter, in every form."""
    with EmbeddedBroker() as broker:
        port = broker.ports["management"]
        setup = Ours(port, "table")
        setup("declare queue name=q durable=true", 'arguments={"x-max-length": 3}')
        setup("declare binding source=amq.topic destination=q routing_key=a.b")
        setup("publish routing_key=q", "payload=hello world")
        setup("get queue=q")  # redelivered from now on
        forms = {"table": LOOKS, **dict.fromkeys(("tsv", "long", "kvp", "bash"), LOOKS[:2])}
        for form, looks in {**forms, "pretty_json": LOOKS[:1]}.items():
            programs = [Admin(THEIRS, port, form), Ours(port, form)]
            for words in looks:
                theirs, ours = [one.run(*words.split()) for one in programs]
                assert rateless(ours.stdout) == rateless(theirs.stdout), (form, words)
                assert ours.returncode == theirs.returncode == 0
        programs = [Admin(THEIRS, port), Ours(port, "table")]
        for words in WRONG:
            theirs, ours = [one.run(*words.split()) for one in programs]
            assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout) == (1, "")


def test_the_words_of_the_second_one(tmp_path: Path) -> None:
    """RabbitMQ's newer rabbitmqadmin has groups, and flags instead of name=value."""
    with EmbeddedBroker() as broker:
        admin = Ours(broker.ports["management"], "raw_json")
        admin("queues declare --name qq --type quorum --durable true")
        admin("declare queue --name q --type classic --durable true --auto-delete false")
        admin("streams declare --name s --expiration 7D --max-length-bytes 1000000")
        admin("exchanges declare --name x --type topic --durable true")
        admin(
            "bindings declare --source x --destination-type queue --destination q --routing-key k"
        )
        admin("publish message --exchange x --routing-key k --payload hello")
        assert json.loads(admin("get messages --queue q"))[0]["payload"] == "hello"
        rows = {row["name"]: row["type"] for row in json.loads(admin("queues list"))}
        assert rows == {"q": "classic", "qq": "quorum", "s": "stream"}
        assert json.loads(admin("queues list --columns name"))[0] == {"name": "q"}
        admin("bindings delete --source x --destination-type queue --destination q --routing-key k")
        kept = tmp_path / "definitions.json"
        admin(f"definitions export --file {kept}")
        admin("queues purge --name q")
        admin("queues delete --name q")
        admin("queues delete --name q --idempotently")
        admin(f"definitions import --file {kept}")
        assert "q" in admin.names("list queues name")
        admin("health_check local_alarms")

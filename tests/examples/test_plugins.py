"""Plugins of somebody else are found where their packages are installed, and work."""

import hashlib
import socket
import tomllib
from collections.abc import Callable
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ProbableAuthenticationError

from anymq.config.load import ConfigError
from anymq.testing import EmbeddedBroker

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """What an installer leaves of an example: its module, and what its package says."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(name: str) -> None:
        folder = EXAMPLES / name
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        module = project["name"].removeprefix("anymq-").replace("-", "_")
        about = tmp_path / f"{module}-{project['version']}.dist-info"
        about.mkdir()
        said = f"Name: {project['name']}\nVersion: {project['version']}\n"
        (about / "METADATA").write_text(said)
        lines = [
            f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
            for group, points in project["entry-points"].items()
        ]
        (about / "entry_points.txt").write_text("\n".join(lines))
        monkeypatch.syspath_prepend(str(folder))

    return installed


def channel_of(broker: EmbeddedBroker) -> BlockingChannel:
    channel = pika.BlockingConnection(pika.URLParameters(broker.amqp_url)).channel()
    channel.confirm_delivery()
    return channel


def test_an_exchange_type(install: Install) -> None:
    install("exchange_type")
    with EmbeddedBroker() as broker:
        channel = channel_of(broker)
        channel.exchange_declare("jobs", "x-round-robin", durable=True)
        for queue, turns in (("big", 3), ("small", 1)):
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, "jobs", arguments={"x-turns": turns})
        for number in range(8):
            channel.basic_publish("jobs", "", str(number).encode())
        counts = [channel.queue_declare(queue, passive=True) for queue in ("big", "small")]
        assert [one.method.message_count for one in counts] == [6, 2]
        with pytest.raises(ChannelClosedByBroker, match="x-turns must be 1 to 100"):
            channel.queue_bind("big", "jobs", arguments={"x-turns": 0})
        channel.connection.close()


def test_an_interceptor(install: Install) -> None:
    install("interceptor")
    with EmbeddedBroker(settings={"plugins": {"interceptors": ["stamp"]}}) as broker:
        channel = channel_of(broker)
        channel.exchange_declare("events", "fanout")
        channel.queue_declare("seen")
        channel.queue_bind("seen", "events")
        for kind in ("paid", "noise", "shipped"):
            channel.basic_publish("events", "", kind.encode(), pika.BasicProperties(type=kind))
        channel.basic_publish("", "seen", b"not an event")
        for expected in (b"paid", b"shipped", b"not an event"):
            _, properties, body = channel.basic_get("seen", auto_ack=True)
            assert body == expected
            by = None if body == b"not an event" else {"x-published-by": "guest"}
            assert properties.headers == by
        with pytest.raises(ChannelClosedByBroker, match="an event needs a type"):
            channel.basic_publish("events", "", b"what is this?")
        channel.connection.close()


def test_one_that_is_not_there(install: Install) -> None:
    install("interceptor")
    broker = EmbeddedBroker(settings={"plugins": {"interceptors": ["stamp", "guard"]}})
    with pytest.raises(ConfigError, match="plugin guard: no installed package has it"):
        broker.start()


def test_a_protocol(install: Install) -> None:
    install("protocol")
    with EmbeddedBroker(settings={"plugins": {"protocols": ["lines=127.0.0.1:0"]}}) as broker:
        channel = channel_of(broker)
        channel.queue_declare("jobs", durable=True)
        channel.basic_publish("", "jobs", b"by AMQP")
        with socket.create_connection(("127.0.0.1", broker.ports["lines"]), 20) as sock:
            lines = sock.makefile("rw", newline="\n")

            def ask(line: str) -> str:
                lines.write(line + "\n")
                lines.flush()
                return lines.readline().rstrip()

            assert ask("GET jobs") == "ERR LOGIN first"
            assert ask("LOGIN guest guest") == "OK"
            assert ask("GET jobs") == "OK by AMQP"
            assert ask("PUT jobs by lines") == "OK"
            assert ask("GET nowhere") == "ERR no queue 'nowhere' in vhost '/'"
            method, properties, body = channel.basic_get("jobs", auto_ack=True)
            assert (method.routing_key, properties.delivery_mode, body) == ("jobs", 2, b"by lines")
            assert ask("GET jobs") == "NONE"
        with socket.create_connection(("127.0.0.1", broker.ports["lines"]), 20) as sock:
            sock.sendall(b"LOGIN guest wrong\n")
            assert sock.makefile().read() == "ERR wrong user name or password\n"
        channel.connection.close()


def test_an_authenticator(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("authenticator")
    staff = tmp_path / "staff"
    staff.write_text(f"ada:{hashlib.sha256(b'secret').hexdigest()}\n")
    monkeypatch.setenv("STAFF_FILE", str(staff))
    with EmbeddedBroker(settings={"plugins": {"authenticators": ["staff"]}}) as broker:

        def channel_as(name: str, password: str) -> BlockingChannel:
            address = f"127.0.0.1:{broker.ports['amqp']}"
            url = f"amqp://{name}:{password}@{address}/%2F?connection_attempts=1"
            return pika.BlockingConnection(pika.URLParameters(url)).channel()

        channel = channel_as("ada", "secret")
        channel.queue_declare("ada.jobs")
        channel.basic_publish("", "ada.jobs", b"mine")
        assert channel.basic_get("ada.jobs", auto_ack=True)[2] == b"mine"
        with pytest.raises(ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.queue_declare("jobs")
        for name, password in (("ada", "guess"), ("bob", "secret"), ("guest", "guess")):
            with pytest.raises(ProbableAuthenticationError):
                channel_as(name, password)
        channel_of(broker).connection.close()  # guest is known here, and not asked for there
        staff.write_text("")
        with pytest.raises(ProbableAuthenticationError):
            channel_as("ada", "secret")
        channel.connection.close()


@pytest.mark.parametrize("said", ["lines", "lines=0.0.0.0:7007", "lines=127.0.0.1:99999"])
def test_an_address_that_is_none(install: Install, said: str) -> None:
    install("protocol")
    broker = EmbeddedBroker(settings={"plugins": {"protocols": [said]}})
    with pytest.raises(ConfigError, match=r"plugins\.protocols"):
        broker.start()

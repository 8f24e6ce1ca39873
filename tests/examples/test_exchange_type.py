"""An exchange type of somebody else is found where its package is installed, and works."""

import tomllib
from pathlib import Path

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from anymq.testing import EmbeddedBroker

MODULE = Path(__file__).resolve().parents[2] / "examples" / "exchange_type" / "round_robin.py"
EXAMPLE = MODULE.parent


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an installer leaves of the example: its module, and what its package says."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    about = tmp_path / f"round_robin-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
        for group, points in project["entry-points"].items()
    ]
    (about / "entry_points.txt").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLE))


@pytest.mark.usefixtures("installed")
def test_each_destination_has_its_turn() -> None:
    with EmbeddedBroker() as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
        channel = connection.channel()
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
        connection.close()

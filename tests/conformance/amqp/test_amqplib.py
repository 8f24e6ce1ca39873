"""amqplib, from npm: the client of another language, with a codec of its own."""

import json
from pathlib import Path

import pytest

from tests.peers import npm

HERE = Path(__file__).parent / "amqplib"


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The pinned client, installed once."""
    try:
        return npm.installed("amqplib", HERE)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))


def test_amqplib_declares_publishes_consumes_and_buries(
    amqp: int, name: str, node_modules: Path
) -> None:
    url = f"amqp://guest:guest@127.0.0.1:{amqp}"
    said = json.loads(npm.talk(node_modules, HERE / "talk.js", url, name))
    assert said["returned"] == ["NO_ROUTE"]
    assert said["waiting"] == 10
    by_priority = [n for priority in (4, 3, 2, 1, 0) for n in (priority, priority + 5)]
    assert said["seen"] == [[str(n), n] for n in by_priority]
    assert said["death"] == "rejected"
    assert said["errors"] == [404]

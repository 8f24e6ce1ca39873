"""@stomp/stompjs, from npm: over WebSocket, for which it is made, and over TCP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymq.testing import EmbeddedBroker
from tests.peers import npm

HERE = Path(__file__).parent / "stompjs"
SETTINGS = {"stomp": {"port": 0, "websocket_port": 0}}


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The pinned client, installed once."""
    try:
        return npm.installed("stompjs", HERE)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
@pytest.mark.parametrize("over", ["ws", "tcp"])
def test_stompjs(broker: EmbeddedBroker, node_modules: Path, over: str, version: str) -> None:
    """Texts and bytes to a queue, and back, each acknowledged."""
    port = broker.ports["stomp_websocket" if over == "ws" else "stomp"]
    url = f"{over}://127.0.0.1:{port}/stomp"
    said = json.loads(
        npm.talk(node_modules, HERE / "talk.js", url, f"js-{over}-{version}", version)
    )
    assert said["version"] == version
    assert said["subprotocol"] == (f"v{version.replace('.', '')}.stomp" if over == "ws" else "")
    assert said["seen"] == [*([str(n), f"häé {n}"] for n in range(10)), ["", True]]

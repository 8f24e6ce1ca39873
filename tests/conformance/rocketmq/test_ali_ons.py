"""ali-ons, from npm: Node's client of the remoting protocol."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers import npm

HERE = Path(__file__).parent / "ali_ons"


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The pinned client, installed once."""
    try:
        return npm.installed("ali-ons", HERE)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))


def test_ali_ons(name_server: str, node_modules: Path, make_topic: Callable[..., None]) -> None:
    """Texts with keys, tags and properties to a topic, and by tag back."""
    make_topic("ali-ons")
    said = json.loads(npm.talk(node_modules, HERE / "talk.js", name_server, "ali-ons", "G-ali-ons"))
    assert said["sent"] == [["SEND_OK", "ali-ons", True]] * 5
    assert said["seen"] == [[f"häé {n}", "odd", f"k{n}", "blue"] for n in (1, 3)]

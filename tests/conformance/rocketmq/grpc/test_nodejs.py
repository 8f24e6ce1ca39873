"""npm's `rocketmq-client-nodejs`, by gRPC: one conversation with all that it can do."""

import json
from pathlib import Path

import pytest

from tests.peers import npm

HERE = Path(__file__).parent / "nodejs"


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The pinned client, installed once."""
    try:
        return npm.installed("rocketmq-client-nodejs", HERE)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))


def test_nodejs(endpoints: str, node_modules: Path) -> None:
    """Tags, keys, properties; order; transactions; delay and recall; lent, given back, pushed."""
    printed = npm.talk(node_modules, HERE / "talk.js", endpoints, "node")
    said = json.loads(printed.strip().splitlines()[-1])
    (plain,) = said["plain"]
    assert (plain["body"], plain["tag"], plain["keys"]) == ("häé", "a", ["k1", "k2"])
    assert (plain["id"], plain["color"]) == (said["sent"], "blue")
    assert (plain["attempt"], plain["corrupted"]) == (1, False)
    assert said["offsets"] == [0, 1, 2, 3, 4]
    assert sorted(one["body"] for one in said["tags"]) == ["a", "c"]
    assert [one["body"] for one in said["tx"]] == ["commit"]
    assert said["recalled"] == said["wanted"]
    assert [one["body"] for one in said["delay"]] == ["later"]
    assert [(one["body"], one["attempt"]) for one in said["again"]] == [("again", 2)]
    assert said["pushed"] == sorted(map(str, range(10)))

"""kafkajs, from npm: a client in another language, with encodings of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.peers import npm

HERE = Path(__file__).parent / "kafkajs"


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The pinned client, installed once."""
    try:
        return npm.installed("kafkajs", HERE)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))


def talk(node_modules: Path, *argv: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(npm.talk(node_modules, HERE / "talk.js", *argv))
    return answer


@pytest.mark.parametrize("compression", ["None", "GZIP"])
def test_kafkajs_makes_fills_reads_and_deletes_a_topic(
    kafka: str, name: str, node_modules: Path, compression: str
) -> None:
    said = talk(node_modules, kafka, name, f"{name}-group", compression)
    assert said["created"] is True
    assert sorted(said["receipts"]) == [[0, 0], [1, 0]]
    for partition in (0, 1):
        seen = [each[1:] for each in said["seen"] if each[0] == partition]
        assert seen == [[f"key {n}", f"value {n}", str(n)] for n in range(partition, 20, 2)]
    assert said["committed"] == said["ends"] == [10, 10]
    assert said["state"] == "Empty"

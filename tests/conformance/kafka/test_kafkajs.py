"""kafkajs, from npm: a client in another language, with encodings of its own."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SUITES_ROOT = Path(__file__).parents[3] / ".suites"
HERE = Path(__file__).parent / "kafkajs"
INSTALL_SECONDS = 120
TALK_SECONDS = 40


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The pinned client, installed once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no node and npm on PATH: kafkajs cannot run")
    folder = SUITES_ROOT / "node"
    folder.mkdir(parents=True, exist_ok=True)
    lock = HERE / "package-lock.json"
    installed = folder / "package-lock.json"
    if not (installed.is_file() and installed.read_bytes() == lock.read_bytes()):
        install(folder)
        shutil.copy(lock, installed)
    return folder / "node_modules"


def install(folder: Path) -> None:
    """By the lock file, so each package has the hash it is known by."""
    for file in ("package.json", "package-lock.json"):
        shutil.copy(HERE / file, folder)
    argv = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        shutil.rmtree(folder)
        pytest.skip(f"npm could not install kafkajs: {done.stderr.strip()[:200]}")


def talk(node_modules: Path, *argv: str) -> dict[str, Any]:
    done = subprocess.run(
        ["node", str(HERE / "talk.js"), *argv],
        env={"NODE_PATH": str(node_modules), "KAFKAJS_NO_PARTITIONER_WARNING": "1"},
        executable=shutil.which("node"),
        capture_output=True,
        text=True,
        timeout=TALK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
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

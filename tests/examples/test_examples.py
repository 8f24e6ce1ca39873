"""Every example runs, and says what it promises: people copy them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anymq.testing import EmbeddedBroker

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
LINES_MAX = 60
SECONDS = 50


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    """One for all, as a user has it: acknowledged means on the disk."""
    with EmbeddedBroker(settings={"storage": {"durability": "commit"}}) as broker:
        yield broker.kafka


def run(*command: str | Path, folder: Path = EXAMPLES, **environment: str) -> list[str]:
    """Run an example to its end; return the lines it wrote."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_confluent_kafka_writes_and_reads(broker: str) -> None:
    said = run(sys.executable, "confluent_produce_consume.py", broker)

    assert [line for line in said if line.startswith("acknowledged: ")] == [
        f"acknowledged: partition 0, offset {offset}" for offset in range(10)
    ]
    assert said[10:] == [f"read: hello {number}" for number in range(10)]


def test_an_idempotent_producer_is_heard_once(broker: str) -> None:
    said = run(sys.executable, "confluent_idempotent.py", broker)

    assert said == ["1000 payments, each once and in order"]


def test_workers_share_the_jobs(broker: str) -> None:
    (said,) = run(sys.executable, "aiokafka_workers.py", broker)

    assert said.startswith("60 jobs done: ")
    assert sum(map(int, re.findall(r"': (\d+)", said))) == 60


def test_kafka_python_administers(broker: str) -> None:
    said = run(sys.executable, "kafka_python_admin.py", broker)

    assert said == [
        "metrics-by-minute: 2 partitions",
        "  retention.ms = 3600000",
        "metrics-by-minute: 4 partitions",
        "  retention.ms = 86400000",
        "metrics-by-minute is gone: True",
    ]


def test_logs_of_many_become_a_table_of_the_latest(broker: str) -> None:
    said = run(sys.executable, "log_pipeline.py", broker)

    assert said == [
        "10000 lines written by 20 services",
        "latest states: 10000 requests in all",
    ]


def test_a_burst_is_absorbed(broker: str) -> None:
    said = run(sys.executable, "peak_shaving.py", broker)

    assert any(re.match(r"shop: 50000 orders taken in \S+ s", line) for line in said)
    lags = [int(match[1]) for line in said if (match := re.search(r"lag (\d+)", line))]
    assert max(lags) > 0
    assert lags[-1] == 0
    assert said[-1] == "the warehouse has caught up"


def test_a_broker_lives_in_an_asyncio_program() -> None:
    said = run(sys.executable, "embed_in_asyncio.py")

    assert said[0].startswith("the broker is at 127.0.0.1:")
    assert said[1:] == ["b'21.5 degrees'"]


def test_a_broker_lives_in_the_tests_of_a_project(pytestconfig: pytest.Config) -> None:
    # In a checkout that is not installed, nobody has told pytest of the plugin.
    known = pytestconfig.pluginmanager.has_plugin("anymq")
    plugin = [] if known else ["-p", "anymq.testing.plugin"]

    said = run(sys.executable, "-m", "pytest", "-q", *plugin, "test_with_anymq.py")

    assert said[-1].startswith("3 passed")


@pytest.mark.skipif(shutil.which("kcat") is None, reason="no kcat on PATH (apt install kcat)")
def test_kcat_in_one_line(broker: str) -> None:
    said = run("sh", "kcat.sh", broker)

    assert said.count("hello") == 3  # all; from a time on; by a group
    assert "partition 0, offset 0, key ada, headers : hello" in said
    assert "partition 0, offset 2, key , headers lang=en: with a header" in said
    assert said[-1] == "kcat-greetings [0] offset 3"


@pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")),
    reason="no node and npm on PATH (apt install nodejs npm)",
)
def test_kafkajs_writes_and_reads(broker: str, tmp_path: Path) -> None:
    for name in ("package.json", "hello.js"):
        shutil.copy(EXAMPLES / "kafkajs" / name, tmp_path)
    installed = ROOT / ".suites" / "node" / "node_modules"  # what the conformance tests fetched
    if not (installed / "kafkajs").is_dir():
        npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(npm, cwd=tmp_path, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install kafkajs: {done.stderr.strip()[:200]}")
        installed = tmp_path / "node_modules"

    said = run("node", "hello.js", broker, folder=tmp_path, NODE_PATH=str(installed))

    assert said[0] == "acknowledged: partition 0, from offset 0"
    assert said[1:] == [f"read: hello {number}" for number in range(5)]


EXAMPLE_FILES = sorted(
    path
    for path in EXAMPLES.rglob("*")
    if path.suffix in (".py", ".sh", ".js") and "node_modules" not in path.parts
)


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.name)
def test_an_example_is_short_tested_and_listed(path: Path) -> None:
    name = str(path.relative_to(EXAMPLES))

    assert len(path.read_text().splitlines()) <= LINES_MAX, "too long to be an example"
    assert f'"{path.name}"' in Path(__file__).read_text()
    assert f"({name})" in (EXAMPLES / "README.md").read_text()

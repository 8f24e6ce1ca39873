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
PACKAGE_LINES_MAX = 200  # of a plugin: a protocol is more than a script
SECONDS = 50


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedBroker]:
    """One for all, as a user has it: acknowledged means on the disk."""
    storage = {"durability": "commit"}
    with EmbeddedBroker(settings={"storage": storage, "mqtt": {"port": 0}}) as broker:
        yield broker


@pytest.fixture(scope="module")
def kafka(server: EmbeddedBroker) -> str:
    """Where Kafka's clients connect."""
    return server.kafka


@pytest.fixture(scope="module")
def amqp(server: EmbeddedBroker) -> str:
    """Where RabbitMQ's clients connect."""
    return server.amqp_url


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


def test_confluent_kafka_writes_and_reads(kafka: str) -> None:
    said = run(sys.executable, "confluent_produce_consume.py", kafka)

    assert [line for line in said if line.startswith("acknowledged: ")] == [
        f"acknowledged: partition 0, offset {offset}" for offset in range(10)
    ]
    assert said[10:] == [f"read: hello {number}" for number in range(10)]


def test_an_idempotent_producer_is_heard_once(kafka: str) -> None:
    said = run(sys.executable, "confluent_idempotent.py", kafka)

    assert said == ["1000 payments, each once and in order"]


def test_workers_share_the_jobs(kafka: str) -> None:
    (said,) = run(sys.executable, "aiokafka_workers.py", kafka)

    assert said.startswith("60 jobs done: ")
    assert sum(map(int, re.findall(r"': (\d+)", said))) == 60


def test_kafka_python_administers(kafka: str) -> None:
    said = run(sys.executable, "kafka_python_admin.py", kafka)

    assert said == [
        "metrics-by-minute: 2 partitions",
        "  retention.ms = 3600000",
        "metrics-by-minute: 4 partitions",
        "  retention.ms = 86400000",
        "metrics-by-minute is gone: True",
    ]


def test_logs_of_many_become_a_table_of_the_latest(kafka: str) -> None:
    said = run(sys.executable, "log_pipeline.py", kafka)

    assert said == [
        "10000 lines written by 20 services",
        "latest states: 10000 requests in all",
    ]


def test_a_burst_is_absorbed(kafka: str) -> None:
    said = run(sys.executable, "peak_shaving.py", kafka)

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
def test_kcat_in_one_line(kafka: str) -> None:
    said = run("sh", "kcat.sh", kafka)

    assert said.count("hello") == 3  # all; from a time on; by a group
    assert "partition 0, offset 0, key ada, headers : hello" in said
    assert "partition 0, offset 2, key , headers lang=en: with a header" in said
    assert said[-1] == "kcat-greetings [0] offset 3"


@pytest.mark.skipif(
    not (shutil.which("node") and shutil.which("npm")),
    reason="no node and npm on PATH (apt install nodejs npm)",
)
def test_kafkajs_writes_and_reads(kafka: str, tmp_path: Path) -> None:
    for name in ("package.json", "hello.js"):
        shutil.copy(EXAMPLES / "kafkajs" / name, tmp_path)
    installed = ROOT / ".suites" / "node" / "node_modules"  # what the conformance tests fetched
    if not (installed / "kafkajs").is_dir():
        npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(npm, cwd=tmp_path, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm could not install kafkajs: {done.stderr.strip()[:200]}")
        installed = tmp_path / "node_modules"

    said = run("node", "hello.js", kafka, folder=tmp_path, NODE_PATH=str(installed))

    assert said[0] == "acknowledged: partition 0, from offset 0"
    assert said[1:] == [f"read: hello {number}" for number in range(5)]


def test_hello_world(amqp: str) -> None:
    assert run(sys.executable, "rabbitmq_tutorials/hello_world.py", amqp) == [
        "sent 'Hello World!'",
        "received 'Hello World!'",
    ]


def test_work_queues_lose_no_task(amqp: str) -> None:
    said = run(sys.executable, "rabbitmq_tutorials/work_queues.py", amqp)

    assert said[:2] == ["20 tasks are safe", "a worker died at 'task 0 ', delivery 1"]
    assert said[2].startswith("two workers did 20 tasks: ")


def test_everybody_who_subscribes_gets_a_copy(amqp: str) -> None:
    said = run(sys.executable, "rabbitmq_tutorials/publish_subscribe.py", amqp)

    lines = ", ".join(f"log line {number}" for number in range(5))
    assert said == [f"subscriber {number}: {lines}" for number in range(3)]


def test_a_key_decides_who_gets_it(amqp: str) -> None:
    assert run(sys.executable, "rabbitmq_tutorials/routing.py", amqp) == [
        "disk: [error] full",
        "screen: [info] started",
        "screen: [warning] getting full",
        "screen: [error] full",
    ]


def test_patterns_decide_who_gets_it(amqp: str) -> None:
    assert run(sys.executable, "rabbitmq_tutorials/topics.py", amqp) == [
        "orange ones: quick.orange.rabbit, lazy.orange.elephant, quick.orange.fox",
        "rabbits and lazy ones: quick.orange.rabbit, lazy.orange.elephant, lazy.brown.fox,"
        " lazy.pink.rabbit, lazy.orange.new.rabbit",
    ]


def test_a_question_gets_its_answer(amqp: str) -> None:
    said = run(sys.executable, "rabbitmq_tutorials/rpc.py", amqp)

    assert sorted(said) == ["fib(10) is 55", "fib(3) is 2", "fib(30) is 832040"]


def test_who_registers_does_not_wait_for_the_mail(amqp: str) -> None:
    said = run(sys.executable, "registration.py", amqp)

    line = re.compile(r"^(in series|in parallel|through the queue): (\d+) ms$", re.MULTILINE)
    ways = dict(line.findall("\n".join(said)))
    assert len(ways) == 3
    assert int(ways["in series"]) >= 150
    assert int(ways["in parallel"]) >= 100
    assert int(ways["through the queue"]) >= 50
    assert {f"{kind} {n} sent" for kind in ("mail", "text message") for n in range(1, 6)} < set(
        said
    )


def test_orders_go_on_without_the_stock_system(amqp: str) -> None:
    assert run(sys.executable, "orders_and_stock.py", amqp) == [
        "50 orders taken while the stock system was down",
        "it came back, reserved 20, and crashed",
        "it caught up: 100 orders reserved, 0 teapots left",
    ]


def test_a_flash_sale_admits_exactly_so_many(amqp: str) -> None:
    assert run(sys.executable, "flash_sale.py", amqp) == [
        "1000 buyers, 100 goods: 100 got in",
        "100 parcels sent",
    ]


def test_celery_works_with_it(amqp: str) -> None:
    assert run(sys.executable, "celery_worker.py", amqp) == [
        "prices: [0, 19, 38, 57, 76]",
        "unreliable: done at try 3",
        "later: 1900",
    ]


def test_sensors_by_mqtt_are_read_by_kafka_and_amqp(server: EmbeddedBroker) -> None:
    mqtt = f"127.0.0.1:{server.ports['mqtt']}"
    said = run(sys.executable, "sensors.py", mqtt, server.amqp_url, server.kafka)

    assert said == [
        "by Kafka, the last of each: {'sensors.cellar': '24', 'sensors.kitchen': '29',"
        " 'sensors.roof': '34', 'sensors.roof.alarm': '34 degrees'}",
        "an AMQP worker sees to sensors.roof.alarm with 33 degrees",
        "an AMQP worker sees to sensors.roof.alarm with 34 degrees",
    ]


def test_orders_by_rocketmq_keep_their_order(server: EmbeddedBroker, tmp_path: Path) -> None:
    name_server = f"127.0.0.1:{server.ports['rocketmq_nameserver']}"
    home = str(tmp_path)  # the library writes its log there
    said = run(sys.executable, "rocketmq_orders.py", name_server, server.kafka, HOME=home)

    assert said == [
        "['order 17 is paid', 'order 17 is sent']",
        "['order 18 is paid', 'order 18 is sent']",
        "in the books: 6",
    ]


EXAMPLE_FILES = sorted(
    path
    for path in EXAMPLES.rglob("*")
    if path.suffix in (".py", ".sh", ".js") and "node_modules" not in path.parts
)


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.name)
def test_an_example_is_short_tested_and_listed(path: Path) -> None:
    name = str(path.relative_to(EXAMPLES))

    is_package = (path.parent / "pyproject.toml").exists()
    lines_max = PACKAGE_LINES_MAX if is_package else LINES_MAX
    assert len(path.read_text().splitlines()) <= lines_max, "too long to be an example"
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    tested_as = {path.name, name, *([path.parent.name] if is_package else [])}
    assert any(f'"{one}"' in tests for one in tested_as)
    assert f"({name})" in (EXAMPLES / "README.md").read_text()

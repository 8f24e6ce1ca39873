"""EmbeddedBroker and the fixtures: a broker inside other people's tests."""

import errno
import gc
import socket
import subprocess
import sys
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from anymq.config.load import ConfigError, from_tables
from anymq.storage.errors import DirectoryInUse
from anymq.testing import EmbeddedBroker

pytest_plugins = ["pytester"]

SECONDS = 30


def write(broker: EmbeddedBroker, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": broker.kafka})
    for value in values:
        producer.produce("news", value)
    assert producer.flush(SECONDS) == 0


def read(broker: EmbeddedBroker, count: int) -> list[bytes | None]:
    group = {"group.id": "readers", "auto.offset.reset": "earliest"}
    consumer = Consumer({"bootstrap.servers": broker.kafka, **group})
    consumer.subscribe(["news"])
    messages = consumer.consume(count, SECONDS)
    consumer.close()
    return [message.value() for message in messages]


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made, for as long as the test runs."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def leaves_no_thread() -> Iterator[None]:
    """Whoever starts a hundred brokers in a test session has as many threads after as before."""
    before = {thread.name for thread in threading.enumerate()}
    yield
    assert {thread.name for thread in threading.enumerate()} - before == set()


def test_what_is_written_is_read() -> None:
    with EmbeddedBroker() as broker:
        write(broker, b"hello", b"world")
        assert read(broker, 2) == [b"hello", b"world"]


def test_several_run_at_once_and_do_not_know_each_other() -> None:
    with EmbeddedBroker() as one, EmbeddedBroker() as other:
        write(one, b"one")
        write(other, b"other")
        assert one.kafka != other.kafka
        assert (read(one, 1), read(other, 1)) == ([b"one"], [b"other"])


def test_data_in_a_directory_of_your_own_is_kept(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "data") as broker:
        write(broker, b"hello")

    with EmbeddedBroker(tmp_path / "data") as broker:
        assert read(broker, 1) == [b"hello"]


def test_a_directory_of_its_own_goes_when_it_stops(temporary: Path) -> None:
    with EmbeddedBroker() as broker:
        write(broker, b"hello")
        assert len(list(temporary.iterdir())) == 1

    assert list(temporary.iterdir()) == []


def test_a_restart_keeps_data_ports_and_clients() -> None:
    """For tests of what one's own code does while the broker is away."""
    with EmbeddedBroker() as broker:
        producer = Producer({"bootstrap.servers": broker.kafka})
        producer.produce("news", b"before")
        assert producer.flush(SECONDS) == 0
        address = broker.kafka

        broker.restart()

        producer.produce("news", b"after")
        assert producer.flush(SECONDS) == 0
        assert broker.kafka == address
        assert read(broker, 2) == [b"before", b"after"]


def test_settings_are_those_of_the_file() -> None:
    with EmbeddedBroker(settings={"topics": {"partitions": 3}}) as broker:
        producer = Producer({"bootstrap.servers": broker.kafka})
        assert len(producer.list_topics("news", SECONDS).topics["news"].partitions) == 3
        assert broker.settings.storage.durability == "os"


def test_complete_settings_are_taken_as_they_are() -> None:
    settings = from_tables({"kafka": {"rack": "here"}, "management": {"port": -1}})

    with EmbeddedBroker(settings=settings) as broker:
        assert broker.settings.storage.durability == "commit"
        rocketmq = {"rocketmq", "rocketmq_nameserver", "rocketmq_grpc"}
        assert set(broker.ports) == {"kafka", "amqp", "mqtt", "stomp"} | rocketmq


def test_a_wrong_setting_is_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean topics.partitions\?"):
        EmbeddedBroker(settings={"topics": {"partition": 3}})


def test_management_is_there_too() -> None:
    with (
        EmbeddedBroker() as broker,
        urllib.request.urlopen(broker.management + "/health/ready", timeout=SECONDS) as answer,
    ):
        assert answer.read() == b"ready\n"


def test_a_failure_to_start_is_raised_where_it_was_started(tmp_path: Path) -> None:
    with (
        EmbeddedBroker(tmp_path),
        pytest.raises(DirectoryInUse, match="another process works in"),
        EmbeddedBroker(tmp_path),
    ):
        pytest.fail("two brokers on one directory")


def test_after_a_failure_nothing_is_left(temporary: Path) -> None:
    # An address of the documentation's: this machine does not have it.
    broker = EmbeddedBroker(
        settings={"kafka": {"host": "192.0.2.1"}, "server": {"allow_open": True}}
    )

    with pytest.raises(OSError, match=r"192\.0\.2\.1:\d+: ") as raised:
        broker.start()

    assert raised.value.errno == errno.EADDRNOTAVAIL
    assert list(temporary.iterdir()) == []
    broker.stop()


def test_stopping_twice_is_harmless() -> None:
    broker = EmbeddedBroker()
    broker.stop()
    broker.start()
    broker.stop()
    broker.stop()


def test_a_second_start_is_a_mistake() -> None:
    with EmbeddedBroker() as broker, pytest.raises(RuntimeError, match="running already"):
        broker.start()


def test_nothing_is_left_open() -> None:
    """A ResourceWarning in somebody's test session is our litter."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with EmbeddedBroker() as broker:
            host, _, port = broker.kafka.rpartition(":")
            with socket.create_connection((host, int(port)), SECONDS):
                pass
        EmbeddedBroker()  # never started
        gc.collect()

    assert [str(one.message) for one in seen] == []


USED = """
    from confluent_kafka import Producer


    def write(address):
        producer = Producer({"bootstrap.servers": address})
        producer.produce("news", b"hello")
        assert producer.flush(10) == 0
        topic = producer.list_topics("news", 10).topics["news"]
        return len(topic.partitions)


    def test_one(anymq):
        assert write(anymq.kafka) == PARTITIONS


    def test_each_test_has_a_broker_of_its_own(anymq, anymq_session):
        assert anymq.kafka != anymq_session.kafka
        producer = Producer({"bootstrap.servers": anymq.kafka})
        assert producer.list_topics(timeout=30).topics == {}


    def test_the_session_has_one(anymq_session):
        assert write(anymq_session.kafka) == PARTITIONS
"""


def run_as_a_user(pytester: pytest.Pytester, config: pytest.Config) -> pytest.RunResult:
    """Run pytest on a project that uses the fixtures."""
    # In a checkout that is not installed, nobody has told pytest of the plugin.
    known = config.pluginmanager.has_plugin("anymq")
    return pytester.runpytest("-W", "error", *([] if known else ["-p", "anymq.testing.plugin"]))


def test_the_fixtures_are_there(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> None:
    pytester.makepyfile(USED.replace("PARTITIONS", "1"))

    run_as_a_user(pytester, pytestconfig).assert_outcomes(passed=3)


def test_a_project_says_its_settings_once(
    pytester: pytest.Pytester, pytestconfig: pytest.Config
) -> None:
    pytester.makeconftest("""
        import pytest

        @pytest.fixture(scope="session")
        def anymq_settings():
            return {"topics": {"partitions": 3}}
    """)
    pytester.makepyfile(USED.replace("PARTITIONS", "3"))

    run_as_a_user(pytester, pytestconfig).assert_outcomes(passed=3)


def test_the_plugin_alone_imports_no_broker() -> None:
    """It is loaded in every project that has anymq installed, and should cost next to nothing."""
    script = "import sys, anymq.testing.plugin; sys.exit('anymq.server' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

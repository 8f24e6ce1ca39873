"""The command-line tools as a person starts them, each in a process of its own, on a real broker.

ANYMQ_PEER=kafka runs the same against Apache Kafka: the tools work there too.
"""

import json
import re
import signal
from pathlib import Path

import pytest
from tests.integration.tools import SECONDS, Tools, line_of, run
from tests.peers.choose import chosen_server
from tests.peers.process import free_ports
from tests.peers.security import Security

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def ten(tools: Tools) -> str:
    """A topic of ten messages."""
    tools("produce ten", types="".join(f"{number}\n" for number in range(10)))
    return "ten"


# --- the quick start of Apache Kafka -----------------------------------------------------------


@pytest.mark.parametrize(("prefix", "suffix"), [("", ""), ("bin/", ".sh")])
def test_the_quick_start(tools: Tools, prefix: str, suffix: str) -> None:
    """Word for word, but for the port; with the paths of the tutorial and without."""
    topic = f"quickstart-events{len(prefix)}"

    def tool(name: str, flags: str, types: str = "") -> str:
        return tools(f"{prefix}{name}{suffix} {flags}", types=types).out

    assert tool("kafka-topics", f"--create --topic {topic}") == f"Created topic {topic}.\n"
    described = tool("kafka-topics", f"--describe --topic {topic}").splitlines()
    assert re.fullmatch(
        rf"Topic: {topic}\tTopicId: [\w-]{{22}}\tPartitionCount: 1\tReplicationFactor: 1"
        r"\tConfigs: \S*",
        described[0],
    )
    assert re.fullmatch(
        rf"\tTopic: {topic}\tPartition: 0\tLeader: (\d)\tReplicas: \1\tIsr: \1\tElr: "
        r"\tLastKnownElr: ",
        described[1],
    )
    events = "This is my first event\nThis is my second event\n"
    assert tool("kafka-console-producer", f"--topic {topic}", types=events) == ""
    reading = f"--topic {topic} --from-beginning --max-messages 2"
    assert tool("kafka-console-consumer", reading) == events


def test_new_events_show_up_at_once_in_a_consumer_that_waits(tools: Tools, topic: str) -> None:
    """And Ctrl-C ends it, with the line that scripts look for."""
    tools(f"kafka-topics --create --topic {topic}")
    consumer = tools.start(f"kafka-console-consumer --from-beginning --topic {topic}")
    producer = tools.start(f"kafka-console-producer --topic {topic}")
    assert producer.stdin is not None
    assert consumer.stdout is not None
    for event in (b"one\n", b"two\n"):
        producer.stdin.write(event)
        producer.stdin.flush()
        assert consumer.stdout.readline() == event
    consumer.send_signal(signal.SIGINT)
    producer.send_signal(signal.SIGINT)

    _, said = consumer.communicate(timeout=SECONDS)
    assert (consumer.returncode, said) == (130, b"Processed a total of 2 messages\n")
    _, said = producer.communicate(timeout=SECONDS)
    assert (producer.returncode, said) == (130, b"")


# --- produce and consume -----------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_a_hundred_thousand_lines_come_out_as_they_went_in(
    tools: Tools, topic: str, tmp_path: Path, compression: str
) -> None:
    lines = b"".join(b"line %d %s\n" % (number, b"x" * (number % 90)) for number in range(100_000))
    (tmp_path / "lines").write_bytes(lines)

    tools(f"produce {topic} {tmp_path / 'lines'} --compression {compression}")

    assert tools(f"consume {topic}").out.encode() == lines


def test_keys_decide_the_partition_and_keep_their_order(tools: Tools, topic: str) -> None:
    tools(f"topics create {topic} --partitions 3")
    lines = [f"k{number % 10}:{number}" for number in range(500)]

    tools(f"produce {topic} --key-separator :", types="\n".join(lines))

    read = tools(f"consume {topic} --print partition,key,value").out.splitlines()
    by_key: dict[str, list[tuple[str, int]]] = {}
    for partition, key, value in (line.split("\t") for line in read):
        by_key.setdefault(key, []).append((partition, int(value)))
    assert len(by_key) == 10
    for key, messages in by_key.items():
        assert len({partition for partition, _ in messages}) == 1
        assert [number for _, number in messages] == list(range(int(key[1:]), 500, 10))


def test_json_copies_a_topic(tools: Tools, topic: str) -> None:
    message = {"key": "k", "value": None, "headers": {"a": "1"}, "partition": 1, "timestamp": 7}
    tools(f"topics create {topic} {topic}-copy --partitions 2")
    tools(f"produce {topic} --json", types=json.dumps(message))

    out = tools(f"consume {topic} --json").out
    tools(f"produce {topic}-copy --json", types=out)

    copied = json.loads(tools(f"consume {topic}-copy --json").out)
    assert copied == message | {"topic": f"{topic}-copy", "offset": 0}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--from 7", ["7", "8", "9"]),
        ("--from 99", []),
        ("--max 2", ["0", "1"]),
        ("--from 2 --max 1 --print offset,value --separator =", ["2=2"]),
        ("--from 1h", [str(number) for number in range(10)]),
        ("--from 2100-01-01", []),
        ("--partition 0 --from beginning --max 1", ["0"]),
    ],
)
def test_where_to_begin_and_to_end(tools: Tools, ten: str, flags: str, expected: list[str]) -> None:
    assert tools(f"consume {ten} {flags}").out.splitlines() == expected


def test_whoever_reads_us_may_go(tools: Tools, topic: str) -> None:
    """`anymq consume -f … | head -1` ends, though nothing more comes."""
    tools(f"produce {topic}", types="one\ntwo\n")
    consumer = tools.start(f"consume {topic} --follow")
    assert consumer.stdout is not None
    assert consumer.stderr is not None
    assert consumer.stdout.readline() == b"one\n"
    consumer.stdout.close()

    assert consumer.wait(SECONDS) == 1
    assert consumer.stderr.read() == b""


def test_nothing_is_sent_twice_or_lost_when_input_ends_with_a_bad_line(
    tools: Tools, topic: str
) -> None:
    tools(f"topics create {topic}")
    done = run(*tools.words(f"produce {topic} --json"), types='{"value": "good"}\nbad\n')

    assert done.status == 1
    assert "cannot read the line" in done.err
    assert tools(f"consume {topic}").out == "good\n"


# --- administration ----------------------------------------------------------------------------


def test_a_topic_from_the_beginning_to_the_end(tools: Tools, topic: str) -> None:
    tools(f"topics create {topic} --partitions 2 --config retention.ms=7777777")
    tools(f"topics alter {topic} --partitions 3 --config segment.ms=8888888 --reset retention.ms")

    (described,) = json.loads(tools(f"topics describe {topic} --json").out)
    assert described["configs"]["segment.ms"] == "8888888"
    assert described["configs"].get("retention.ms") != "7777777"
    assert [each["end"] for each in described["partitions"]] == [0, 0, 0]
    assert topic in tools("topics list").out

    tools(f"topics delete {topic}")
    assert f"no topic '{topic}'" in tools.refused(f"topics delete {topic}").err
    tools(f"topics delete {topic} --if-exists")


def test_configs_offsets_and_records_by_the_tools_that_people_know(
    tools: Tools, topic: str, tmp_path: Path
) -> None:
    tools(f"produce {topic}", types="1\n2\n3\n")
    configs = f"kafka-configs --entity-type topics --entity-name {topic}"
    assert tools(f"{configs} --alter --add-config segment.ms=99999").out == (
        f"Completed updating config for topic {topic}.\n"
    )
    assert "  segment.ms=99999 sensitive=false synonyms={DYN" in tools(f"{configs} --describe").out

    assert tools(f"kafka-get-offsets --topic {topic}").out == f"{topic}:0:3\n"
    plan = tmp_path / "plan.json"
    entry = {"topic": topic, "partition": 0, "offset": 2}
    plan.write_text(json.dumps({"partitions": [entry], "version": 1}))
    deleted = tools(f"kafka-delete-records --offset-json-file {plan}").out
    assert f"partition: {topic}-0\tlow_watermark: 2\n" in deleted
    assert tools(f"kafka-get-offsets --topic {topic} --time earliest").out == f"{topic}:0:2\n"
    assert tools(f"consume {topic}").out == "3\n"

    assert re.match(r"Cluster ID: \S{10,}\n", tools("kafka-cluster cluster-id").out)
    assert "\tProduce(0): " in tools("kafka-broker-api-versions").out


# --- what goes wrong ---------------------------------------------------------------------------


def test_a_mistyped_topic_is_guessed(tools: Tools) -> None:
    tools("topics create payments --if-not-exists")

    said = tools.refused("consume paymnets").err
    assert said == "anymq consume: there is no topic 'paymnets'. Did you mean 'payments'?\n"


def test_no_broker_there() -> None:
    (port,) = free_ports(1)
    done = run("topics", "list", "-b", f"127.0.0.1:{port}")

    assert done.status == 1
    assert done.err == (
        f"anymq topics: cannot connect to 127.0.0.1:{port}: connection refused."
        " Is the broker running there (anymq serve)?"
        " Another one: --bootstrap-server HOST:PORT\n"
    )


def test_a_login_under_tls() -> None:
    """The right password comes in; a wrong one, none, or no TLS is told what is wrong."""
    with chosen_server({}, {}, Security("SASL_SSL")) as server:
        authority = str(server.folder / "ca.pem")
        words = ["topics", "list", "-b", server.bootstrap]
        login = [*words, "--user", "alice", "--tls-ca", authority]

        assert run(*login, ANYMQ_PASSWORD="alice-secret").status == 0
        wrong = run(*login, ANYMQ_PASSWORD="wrong")
        assert wrong.status == 1
        assert "does not let in 'alice'" in wrong.err
        assert "login" in run(*words, "--tls-ca", authority).err
        assert "certificate that we do not trust" in run(*words, "--tls").err
        assert "TLS" in run(*words).err


def test_a_broker_that_was_away_is_found_again(topic: str) -> None:
    """Whoever follows goes on; whoever writes is told, and nothing is lost or comes twice."""
    with chosen_server({}, {}) as server:
        tools = Tools(server.bootstrap)
        tools(f"topics create {topic}")
        consumer = tools.start(f"consume {topic} --follow")
        producer = tools.start(f"produce {topic}")
        assert producer.stdin is not None
        assert producer.stderr is not None
        producer.stdin.write(b"before\n")
        producer.stdin.flush()
        assert line_of(consumer) == b"before\n"

        server.kill()
        producer.stdin.write(b"meanwhile\n")
        producer.stdin.flush()
        assert b"Trying again" in producer.stderr.readline()
        server.start()
        assert line_of(consumer) == b"meanwhile\n"

        assert producer.communicate(timeout=SECONDS) == (b"", b"")
        assert producer.returncode == 0
        consumer.send_signal(signal.SIGTERM)
        assert consumer.wait(SECONDS) == 143
        assert tools(f"consume {topic}").out == "before\nmeanwhile\n"
        tools.stop()

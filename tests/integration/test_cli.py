"""The command-line tools as a person starts them, each in a process of its own, on a real broker.

ANYMQ_PEER=kafka runs the same against Apache Kafka: the tools work there too.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.peers.choose import QUICK_GROUPS, QUICK_GROUPS_KAFKA, chosen_server
from tests.peers.process import free_ports
from tests.peers.security import Security

SECONDS = 40
_numbers = count(1)
pytestmark = pytest.mark.timeout(120)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "anymq", *words]


def run(*words: str, types: str | bytes = b"", **variables: str) -> "Done":
    typed = types.encode() if isinstance(types, str) else types
    done = subprocess.run(
        command(*words),
        input=typed,
        capture_output=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, **variables},
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


class Done:
    """How a command ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


class Tools:
    """Commands that know where the broker is."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self._started: list[subprocess.Popen[bytes]] = []

    def __call__(self, words: str, *more: str, types: str | bytes = b"") -> Done:
        done = run(*self.words(words, *more), types=types)
        assert done.status == 0, done.out + done.err
        return done

    def refused(self, words: str) -> Done:
        done = run(*self.words(words))
        assert done.status == 1, done.out + done.err
        return done

    def words(self, words: str, *more: str) -> list[str]:
        return [*words.split(), *more, "--bootstrap-server", self.servers]

    def start(self, words: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            command(*self.words(words)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._started.append(process)
        return process

    def stop(self) -> None:
        """End what a failed test left."""
        for process in self._started:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


@pytest.fixture(scope="module")
def tools() -> Iterator[Tools]:
    with chosen_server(QUICK_GROUPS, QUICK_GROUPS_KAFKA) as server:
        tools = Tools(server.bootstrap)
        yield tools
        tools.stop()


@pytest.fixture
def topic() -> str:
    return f"topic-{next(_numbers)}"


@pytest.fixture(scope="module")
def ten(tools: Tools) -> str:
    """A topic of ten messages."""
    tools("produce ten", types="".join(f"{number}\n" for number in range(10)))
    return "ten"


def until(there: str, tools: Tools, words: str) -> str:
    """Ask until the answer has it."""
    deadline = time.monotonic() + SECONDS
    while there not in (out := run(*tools.words(words)).out):
        assert time.monotonic() < deadline, out
    return out


# --- the quick start of Apache Kafka -----------------------------------------------------------


@pytest.mark.parametrize(("prefix", "suffix"), [("", ""), ("bin/", ".sh")])
def test_the_quick_start(tools: Tools, prefix: str, suffix: str) -> None:
    """Word for word, but for the port; with the paths of the tutorial and without."""
    topic = f"quickstart-events-{next(_numbers)}"

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


# --- groups ------------------------------------------------------------------------------------


def test_two_consumers_share_a_topic(tools: Tools, topic: str) -> None:
    """Each reads one of two partitions; when one goes, the other has both; nothing comes twice."""
    tools(f"topics create {topic} --partitions 2")
    first = tools.start(f"consume {topic} --follow --group {topic} --print partition,value")
    second = tools.start(f"consume {topic} --follow --group {topic} --print partition,value")
    until("2 members", tools, f"groups describe {topic}")
    state = json.loads(until("Stable", tools, f"groups describe {topic} --json"))[0]
    assert len({row["member"] for row in state["partitions"]}) == 2

    tools(f"produce {topic} --partition 0", types="a\n")
    tools(f"produce {topic} --partition 1", types="b\n")
    read = [line_of(first), line_of(second)]
    assert sorted(read) == [b"0\ta\n", b"1\tb\n"]

    second.send_signal(signal.SIGTERM)
    assert second.wait(SECONDS) == 143
    tools(f"produce {topic} --partition 0", types="c\n")
    tools(f"produce {topic} --partition 1", types="d\n")
    assert sorted([line_of(first), line_of(first)]) == [b"0\tc\n", b"1\td\n"]

    first.send_signal(signal.SIGINT)
    assert first.wait(SECONDS) == 130
    assert "Empty, 0 members, 0 messages behind" in tools(f"groups describe {topic}").out


def line_of(process: "subprocess.Popen[bytes]") -> bytes:
    """The next line, or an end to the wait."""
    assert process.stdout is not None
    watch = threading.Timer(SECONDS, process.kill)
    watch.start()
    try:
        return process.stdout.readline()
    finally:
        watch.cancel()


def test_a_group_goes_on_where_it_was_and_can_be_set_back(tools: Tools, topic: str) -> None:
    tools(f"produce {topic}", types="1\n2\n3\n")
    assert tools(f"consume {topic} --group {topic} --max 2").out == "1\n2\n"
    assert tools(f"consume {topic} --group {topic}").out == "3\n"

    shown = tools(f"groups reset {topic} --shift-by -2").out
    assert "--execute" in shown
    assert tools(f"consume {topic} --group {topic}").out == ""
    tools(f"groups reset {topic} --to-earliest --execute")
    assert tools(f"consume {topic} --group {topic} --max 1").out == "1\n"

    tools(f"groups delete {topic}")
    assert f"no group '{topic}'" in tools.refused(f"groups describe {topic}").err


def test_the_tool_for_groups_that_people_know(tools: Tools, topic: str) -> None:
    groups = f"kafka-consumer-groups --group {topic}"
    tools(f"kafka-console-producer --topic {topic}", types="1\n2\n3\n")
    reading = f"kafka-console-consumer --topic {topic} --group {topic} --from-beginning"
    tools(f"{reading} --max-messages 3")

    row = rf"{topic}\s+{topic}\s+0\s+"
    assert re.search(rf"{row}3\s+3\s+0\s+-\s+-\s+-", tools(f"{groups} --describe").out)
    assert topic in tools("kafka-consumer-groups --list").out.splitlines()
    reset = f"{groups} --reset-offsets --topic {topic} --to-offset 1"
    assert re.search(rf"{row}1\b", tools(f"{reset} --dry-run").out)
    assert re.search(rf"{row}1\b", tools(f"{reset} --execute").out)
    assert re.search(rf"{row}1\s+3\s+2\b", tools(f"{groups} --describe").out)
    assert "Successful" in tools(f"{groups} --delete-offsets --topic {topic}").out
    assert "was successful" in tools(f"{groups} --delete").out


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

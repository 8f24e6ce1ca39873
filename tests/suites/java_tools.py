"""Apache Kafka's own command line tools, as one session in which each step expects its answer."""

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers.kafka import VERSION, java_command
from tests.suites.result import Case, Result

NAME = "kafka-java-tools"
STEP_SECONDS = 90
TOOLS = {
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-share-groups": "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
    "kafka-console-share-consumer": "org.apache.kafka.tools.consumer.ConsoleShareConsumer",
    "kafka-groups": "org.apache.kafka.tools.GroupsCommand",
    "kafka-console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
    "kafka-verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "kafka-producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "kafka-consumer-perf-test": "org.apache.kafka.tools.ConsumerPerformance",
    "kafka-e2e-latency": "org.apache.kafka.tools.EndToEndLatency",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-cluster": "org.apache.kafka.tools.ClusterTool",
    "kafka-features": "org.apache.kafka.tools.FeatureCommand",
    "kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
}
# Tools run for a second: quick to start matters more than quick code.
FLAGS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR")

# The command line of a tool: by its name, with its flags.
Program = Callable[[str, Sequence[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Step:
    """One command: what it is given, what it must say (regular expressions), how it must end."""

    command: str
    says: tuple[str, ...] = ()
    types: str = ""
    refused: bool = False


def steps(folder: Path) -> list[Step]:
    """The session. B stands for the broker's address."""
    records = folder / "delete.json"
    records.write_text(
        '{"partitions": [{"topic": "quickstart", "partition": 0, "offset": 1}], "version": 1}'
    )
    config = folder / "client.properties"
    config.write_text("acks=all\n")
    return [
        *_topics(),
        *_configs(),
        *_rights(),
        *_messages(),
        *_groups(),
        *_shares(),
        *_offsets(records),
        *_load(config),
    ]


def _topics() -> list[Step]:
    topics = "kafka-topics --bootstrap-server B"
    return [
        Step("kafka-cluster cluster-id --bootstrap-server B", (r"Cluster ID: \S{10,}",)),
        Step("kafka-broker-api-versions --bootstrap-server B", (r"Produce\(0\)", r"Fetch\(1\)")),
        Step("kafka-features --bootstrap-server B describe", (r"Feature: metadata.version",)),
        Step(f"{topics} --create --topic quickstart --partitions 1", ("Created topic",)),
        Step(f"{topics} --create --topic quickstart", ("already exists",), refused=True),
        Step(f"{topics} --create --topic quickstart --if-not-exists"),
        Step(
            f"{topics} --create --topic wide --partitions 3 --replication-factor 1"
            " --config retention.ms=1234567",
            ("Created topic wide",),
        ),
        Step(f"{topics} --list", (r"(?m)^quickstart$", r"(?m)^wide$")),
        Step(
            f"{topics} --describe --topic wide",
            ("PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=1234567", "Partition: 2"),
        ),
        Step(f"{topics} --alter --topic wide --partitions 5"),
        Step(f"{topics} --describe --topic wide", ("PartitionCount: 5",)),
        Step(f"{topics} --describe --topic missing", ("does not exist",), refused=True),
        Step(f"{topics} --create --topic bad/name", ("illegal|invalid|Invalid",), refused=True),
        Step(f"{topics} --create --topic doomed", ("Created topic doomed",)),
        Step(f"{topics} --delete --topic doomed"),
    ]


def _configs() -> list[Step]:
    configs = "kafka-configs --bootstrap-server B --entity-type topics --entity-name wide"
    return [
        Step(f"{configs} --alter --add-config segment.ms=99999", ("Completed updating config",)),
        Step(f"{configs} --describe", ("segment.ms=99999", "retention.ms=1234567")),
        Step(f"{configs} --describe --all", ("cleanup.policy=delete", "max.message.bytes=")),
        Step(f"{configs} --alter --delete-config segment.ms", ("Completed updating config",)),
        Step(f"{configs} --alter --add-config no.such=1", ("Unknown topic config",), refused=True),
        Step(
            "kafka-configs --bootstrap-server B --entity-type brokers --entity-name 0"
            " --describe --all",
            ("num.partitions=",),
        ),
    ]


def _rights() -> list[Step]:
    """Users and their ACLs, as an administrator sets them up and takes them away."""
    users = "kafka-configs --bootstrap-server B --entity-type users --entity-name ada"
    acls = "kafka-acls --bootstrap-server B"
    scram = "SCRAM-SHA-512=[iterations=8192,password=a-secret],SCRAM-SHA-256=[password=a-secret]"
    return [
        Step(f"{users} --alter --add-config {scram}", ("Completed updating config for user ada",)),
        Step(f"{users} --describe", ("SCRAM-SHA-512=iterations=8192", "SCRAM-SHA-256=iterations")),
        Step(
            f"{users} --alter --delete-config SCRAM-SHA-256",
            ("Completed updating config for user ada",),
        ),
        Step(
            f"{acls} --add --allow-principal User:ada --consumer --topic wide --group readers",
            ("operation=READ, permissionType=ALLOW",),
        ),
        Step(
            f"{acls} --add --deny-principal User:ada --deny-host 192.0.2.7 --operation All"
            " --topic secret- --resource-pattern-type prefixed",
            ("patternType=PREFIXED", "host=192.0.2.7, operation=ALL, permissionType=DENY"),
        ),
        Step(
            f"{acls} --list --principal User:ada",
            (
                r"resourceType=TOPIC, name=wide, patternType=LITERAL",
                r"resourceType=GROUP, name=readers, patternType=LITERAL",
                r"resourceType=TOPIC, name=secret-, patternType=PREFIXED",
            ),
        ),
        Step(f"{acls} --list --topic secret-plans --resource-pattern-type match", ("DENY",)),
        Step(
            f"{acls} --add --allow-principal Group:x --operation Read --topic wide",
            ("principals are User:name",),
            refused=True,
        ),
        Step(f"{acls} --remove --force --topic wide"),
        Step(f"{acls} --remove --force --topic secret- --resource-pattern-type prefixed"),
        Step(f"{acls} --remove --force --group readers"),
    ]


def _messages() -> list[Step]:
    produce = "kafka-console-producer --bootstrap-server B --topic"
    consume = "kafka-console-consumer --bootstrap-server B --timeout-ms 15000 --topic"
    return [
        Step(f"{produce} quickstart", types="first event\nsecond event\nthird event\n"),
        Step(
            f"{consume} quickstart --from-beginning --max-messages 3",
            ("first event\nsecond event\nthird event\n", "Processed a total of 3"),
        ),
        Step(
            f"{produce} wide --reader-property parse.key=true --reader-property key.separator=:",
            types="k1:v1\nk2:v2\n",
        ),
        Step(
            f"{consume} wide --from-beginning --max-messages 2 --formatter-property print.key=true",
            ("k1\tv1", "k2\tv2"),
        ),
        *(
            Step(f"{produce} quickstart --compression-codec {codec}", types=f"by {codec}\n")
            for codec in ("gzip", "snappy", "lz4", "zstd")
        ),
        Step(
            f"{consume} quickstart --partition 0 --offset 3 --max-messages 4",
            ("by gzip\nby snappy\nby lz4\nby zstd\n",),
        ),
    ]


def _groups() -> list[Step]:
    groups = "kafka-consumer-groups --bootstrap-server B"
    classic = "--consumer-property group.protocol=classic"
    return [
        Step(
            "kafka-console-consumer --bootstrap-server B --timeout-ms 15000 --topic quickstart"
            f" --group readers --from-beginning --max-messages 7 {classic}",
            ("Processed a total of 7",),
        ),
        Step(f"{groups} --list", (r"(?m)^readers$",)),
        Step("kafka-groups --bootstrap-server B --list", (r"readers\s+Classic",)),
        Step(f"{groups} --describe --group readers", (r"readers\s+quickstart\s+0\s+7\s+7\s+0\b",)),
        Step(f"{groups} --describe --group readers --state", (r"readers.*Empty",)),
        Step(f"{groups} --describe --group nobody", ("not found|not exist",)),
        Step(
            f"{groups} --group readers --topic quickstart --reset-offsets --to-offset 2 --execute",
            (r"readers\s+quickstart\s+0\s+2",),
        ),
        Step(f"{groups} --describe --group readers", (r"readers\s+quickstart\s+0\s+2\s+7\s+5\b",)),
        Step(
            f"{groups} --group readers --topic quickstart --delete-offsets",
            (r"quickstart\s+0\s+Successful",),
        ),
        Step(f"{groups} --delete --group readers", ("Deletion of requested consumer groups",)),
    ]


def _shares() -> list[Step]:
    shares = "kafka-share-groups --bootstrap-server B"
    configs = "kafka-configs --bootstrap-server B --entity-type groups --entity-name sharers"
    return [
        Step(
            f"{configs} --alter --add-config share.auto.offset.reset=earliest",
            ("Completed updating config for group sharers",),
        ),
        Step(f"{configs} --describe", ("share.auto.offset.reset=earliest",)),
        Step(
            "kafka-console-share-consumer --bootstrap-server B --topic quickstart --group sharers"
            " --max-messages 7 --timeout-ms 15000",
            ("first event\n", "by zstd\n", "Processed a total of 7"),
        ),
        Step(f"{shares} --list", (r"(?m)^sharers\b",)),
        Step("kafka-groups --bootstrap-server B --list", (r"sharers\s+Share",)),
        Step(f"{shares} --describe --group sharers", (r"sharers\s+quickstart\s+0\s+\d\s+0\b",)),
        Step(f"{shares} --describe --group sharers --state", (r"sharers.*Empty",)),
        Step(f"{shares} --describe --group nobody", ("not found|not exist",)),
        Step(
            f"{shares} --group sharers --topic quickstart --reset-offsets --to-earliest --execute",
            (r"sharers\s+quickstart\s+0\s+0",),
        ),
        Step(f"{shares} --describe --group sharers", (r"sharers\s+quickstart\s+0\s+0\s+7\b",)),
        Step(
            f"{shares} --group sharers --topic quickstart --delete-offsets",
            (r"quickstart\s+Successful",),
        ),
        Step(f"{shares} --delete --group sharers", ("Deletion of requested share groups",)),
    ]


def _offsets(records: Path) -> list[Step]:
    offsets = "kafka-get-offsets --bootstrap-server B --topic quickstart --time"
    return [
        Step(f"{offsets} latest", ("quickstart:0:7",)),
        Step(f"{offsets} max-timestamp", (r"quickstart:0:\d",)),
        Step(
            f"kafka-delete-records --bootstrap-server B --offset-json-file {records}",
            (r"low_watermark: 1",),
        ),
        Step(f"{offsets} earliest", ("quickstart:0:1",)),
    ]


def _load(config: Path) -> list[Step]:
    verifiable = "--bootstrap-server B --topic verified"
    return [
        Step("kafka-topics --bootstrap-server B --create --topic verified --partitions 2"),
        Step(
            f"kafka-verifiable-producer {verifiable} --max-messages 500 --acks -1",
            (r'"sent":500,"acked":500',),
        ),
        Step(
            f"kafka-verifiable-consumer {verifiable} --group-id verifiers --max-messages 500"
            " --reset-policy earliest --group-protocol classic",
            (r'"name":"records_consumed"', r'"success":true'),
        ),
        *(
            Step(
                "kafka-producer-perf-test --bootstrap-server B --topic load --num-records 20000"
                f" --record-size 100 --throughput -1 --command-property acks={acks}",
                ("20000 records sent",),
            )
            for acks in ("0", "1", "all")
        ),
        Step(
            "kafka-consumer-perf-test --bootstrap-server B --topic load --num-records 60000"
            " --timeout 20000 --command-property group.protocol=classic",
            (r"(?m)^\d{4}-.*, 60\d\d\d, ",),
        ),
        Step(
            "kafka-e2e-latency --bootstrap-server B --topic load --num-records 200"
            f" --producer-acks 1 --record-size 100 --command-config {config}",
            ("Percentiles: 50th",),
        ),
    ]


def run_on(bootstrap: str, broker: str) -> Result:
    """The whole session; a later step may fail because an earlier one did."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cases = tuple(case(step, bootstrap) for step in steps(Path(folder)))
    return Result(NAME, f"Apache Kafka {VERSION}", broker, time.monotonic() - begun, cases)


def original(tool: str, argv: Sequence[str]) -> list[str]:
    """The command line of Kafka's own tool."""
    return java_command(TOOLS[tool], *argv, flags=FLAGS)


def case(step: Step, bootstrap: str, program: Program = original) -> Case:
    """Take one step, with the original or another tool of that name."""
    try:
        done = call(program, step.command, bootstrap, step.types)
    except subprocess.TimeoutExpired:
        return Case(step.command, "failed", f"no end after {STEP_SECONDS} s")
    said = done.stdout + done.stderr
    missing = [each for each in step.says if not re.search(each, said)]
    if missing:
        return Case(step.command, "failed", f"{missing[0]!r} is not in {_end(said)!r}")
    if (done.returncode != 0) != step.refused:
        return Case(step.command, "failed", f"status {done.returncode}: {_end(said)!r}")
    return Case(step.command, "passed")


def call(
    program: Program, command: str, bootstrap: str, typed: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command; B stands for the broker's address."""
    tool, *argv = [bootstrap if word == "B" else word for word in command.split()]
    return subprocess.run(
        program(tool, argv),
        input=typed,
        capture_output=True,
        text=True,
        timeout=STEP_SECONDS,
        check=False,
    )


def _end(said: str) -> str:
    lines: Sequence[str] = [line for line in said.splitlines() if not line.startswith("\tat ")]
    return " / ".join(lines)[-300:]

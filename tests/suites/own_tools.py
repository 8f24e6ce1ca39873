"""Our drop-in tools: the session of Kafka's own tools with ours, and both side by side.

Twins are asked the same of the same broker and must say the same, line for line (blank ends of
lines and the order of topics aside: the original's is that of a hash table).
"""

import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from anymq.cli.main import COMMANDS
from tests.peers.kafka import VERSION
from tests.suites import java_tools
from tests.suites.java_tools import Step
from tests.suites.result import Case, Result

NAME = "anymq-tools"
TOPICS, GROUPS = "kafka-topics --bootstrap-server B", "kafka-consumer-groups --bootstrap-server B"
CONFIGS = "kafka-configs --bootstrap-server B"
RESET = f"{GROUPS} --reset-offsets --dry-run --group twins"
CONSUME = "kafka-console-consumer --bootstrap-server B --topic twins --from-beginning"
PRINT = " ".join(
    f"--formatter-property print.{each}=true"
    for each in ("key", "headers", "partition", "offset", "timestamp")
)

# What is there before twins are asked: typed with our tools.
PREPARED = (
    (f"{TOPICS} --create --topic twins --partitions 3 --config segment.ms=77777", ""),
    (
        "kafka-console-producer --bootstrap-server B --topic twins --reader-property"
        " parse.key=true --reader-property parse.headers=true --reader-property null.marker=NIL",
        "h:1,g:2\tkey\tvalue\nNIL\tNIL\tNIL\nh:1\tother\tvalue\n",
    ),
    (f"{CONSUME} --group twins --max-messages 3", ""),
)
TWINS = (
    f"{TOPICS} --list",
    f"{TOPICS} --describe",
    f"{TOPICS} --describe --topic twins",
    f"{TOPICS} --describe --topic missing",
    f"{TOPICS} --describe --topics-with-overrides",
    f"{TOPICS} --describe --under-min-isr-partitions",
    f"{TOPICS} --create --topic twins",
    f"{TOPICS} --create --topic twins --if-not-exists",
    f"{TOPICS} --create --topic bad/name",
    f"{TOPICS} --create --topic new --partitions 0",
    f"{TOPICS} --create --topic new --replication-factor 3",
    f"{TOPICS} --create --topic new --config no.such=1",
    f"{TOPICS} --alter --topic twins --partitions 1",
    f"{TOPICS} --delete --topic missing",
    f"{CONSUME} --max-messages 3 {PRINT}",
    f"{GROUPS} --list",
    f"{GROUPS} --list --state --type",
    f"{GROUPS} --describe --all-groups",
    f"{GROUPS} --describe --group twins --offsets --verbose",
    f"{GROUPS} --describe --group twins --members --verbose",
    f"{GROUPS} --describe --group twins --state",
    f"{GROUPS} --delete --group missing",
    f"{RESET} --all-topics --to-earliest",
    f"{RESET} --all-topics --to-current",
    f"{RESET} --all-topics --shift-by -1 --export",
    f"{RESET} --topic twins:0,1 --to-offset 100",
    f"{RESET} --topic twins --to-datetime 2020-01-01T00:00:00.000",
    f"{RESET} --topic twins --by-duration PT0S",
    f"{CONFIGS} --describe --entity-type topics",
    f"{CONFIGS} --describe --topic twins --all",
    f"{CONFIGS} --describe --topic missing",
    f"{CONFIGS} --describe --entity-type brokers",
    f"{CONFIGS} --alter --topic twins --add-config cleanup.policy=[compact,delete]",
    "kafka-get-offsets --bootstrap-server B",
    "kafka-get-offsets --bootstrap-server B --topic-partitions twi.*:0,twins:1- --time earliest",
    "kafka-get-offsets --bootstrap-server B --topic twins --time max-timestamp",
    "kafka-cluster cluster-id --bootstrap-server B",
    "kafka-cluster list-endpoints --bootstrap-server B",
    "kafka-broker-api-versions --bootstrap-server B",
)
# Chatter of the original's logger, which it sends to the same place as what it has to say; and
# DeleteGroups, of which we know a version more than 4.3 does.
CHATTER = re.compile(r"main ERROR|^\tat |^$|DeleteGroups\(42\)")
SAYS_NOTHING_OF_STATUS = "kafka-consumer-groups"  # the original ends with 0 whatever happened


def run_on(bootstrap: str, broker: str) -> Result:
    """The session, then the twins."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            _named(java_tools.case(_honest(step), bootstrap, _ours), "ours")
            for step in java_tools.steps(Path(folder))
            if _tool(step.command) in COMMANDS and not _is_not_ours(step.command)
        ]
    for command, typed in PREPARED:
        java_tools.call(_ours, command, bootstrap, typed)
    cases += [_compare(command, bootstrap) for command in TWINS]
    versions = f"Apache Kafka {VERSION}"
    return Result(NAME, versions, broker, time.monotonic() - begun, tuple(cases))


def _honest(step: Step) -> Step:
    """Ours ends with 1 where there is no such group, the original with 0."""
    return replace(step, refused=True) if "--group nobody" in step.command else step


def _tool(command: str) -> str:
    return command.partition(" ")[0]


def _ours(tool: str, argv: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "anymq", tool, *argv]


def _is_not_ours(command: str) -> bool:
    """Our kafka-configs is about topics and brokers; our kafka-groups is not asked for shares."""
    return any(f"--entity-type {kind}" in command for kind in ("users", "groups"))


def _compare(command: str, bootstrap: str) -> Case:
    ours, original = (
        java_tools.call(program, command, bootstrap, "") for program in (_ours, java_tools.original)
    )
    mine, theirs = _lines(ours.stdout), _lines(original.stdout)
    different = [line for line in mine + theirs if (line in mine) != (line in theirs)]
    statuses = (ours.returncode != 0, original.returncode != 0)
    if different:
        return _named(Case(command, "failed", " / ".join(different)[:300]), "twins")
    if statuses[0] != statuses[1] and _tool(command) != SAYS_NOTHING_OF_STATUS:
        return _named(Case(command, "failed", f"status: {statuses}"), "twins")
    return _named(Case(command, "passed"), "twins")


def _named(case: Case, kind: str) -> Case:
    return Case(f"{kind}: {case.name}", case.outcome, case.detail)


def _lines(said: str) -> list[str]:
    lines = [line.rstrip() for line in said.splitlines() if not CHATTER.search(line)]
    return sorted(_sorted_configs(line) for line in lines)


def _sorted_configs(line: str) -> str:
    """Put the configs of a topic in order: the original's is that of a hash table."""
    before, found, configs = line.partition("\tConfigs: ")
    return before + found + ",".join(sorted(configs.split(",")))

"""Times, durations, filters and configs as Kafka's tools take them; and what they print."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.admin.configs import Config, Source, Synonym
from anymq.cli.kafka.admin.groups import Group, Member, Row
from anymq.cli.kafka.cluster import Node, PartitionInfo, TopicInfo
from anymq.cli.kafka_tools import group_tables
from anymq.cli.kafka_tools.configs import config_line, parse_configs
from anymq.cli.kafka_tools.consumer_groups import parse_datetime, parse_duration
from anymq.cli.kafka_tools.delete_records import read_plan
from anymq.cli.kafka_tools.flags import topic_filter
from anymq.cli.kafka_tools.get_offsets import _rule, parse_time
from anymq.cli.kafka_tools.topics import id_text, partition_line, topic_line


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P7D", timedelta(days=7)),
        ("PT1H30M", timedelta(minutes=90)),
        ("P1DT0.5S", timedelta(days=1, seconds=0.5)),
        ("-PT5M", timedelta(minutes=-5)),
    ],
)
def test_durations(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize("text", ["", "P", "7d", "PT"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(CommandFailed):
        parse_duration(text or "x")


def test_a_time_without_a_zone_is_utc() -> None:
    assert parse_datetime("2020-01-02T03:04:05.678") == datetime(
        2020, 1, 2, 3, 4, 5, 678000, tzinfo=UTC
    )
    with pytest.raises(CommandFailed, match="--to-datetime"):
        parse_datetime("soon")


def test_topics_are_regular_expressions_with_commas() -> None:
    wanted = topic_filter("'a.*, b'")

    assert [name for name in ("a1", "b", "bb", "c") if wanted(name)] == ["a1", "b"]
    assert topic_filter(None)("anything")


@pytest.mark.parametrize(
    ("rule", "matching"),
    [
        ("t", [("t", 0), ("t", 1), ("t", 2)]),
        ("t:1", [("t", 1)]),
        ("t:1-", [("t", 1), ("t", 2)]),
        ("t:-1", [("t", 0)]),
        ("t:0-2", [("t", 0), ("t", 1)]),
        (":2", [("t", 2), ("u", 2)]),
        ("[tu]:2", [("t", 2), ("u", 2)]),
    ],
)
def test_rules_for_partitions(rule: str, matching: list[tuple[str, int]]) -> None:
    everything = [(topic, index) for topic in "tu" for index in range(3)]

    assert [where for where in everything if _rule(rule)(where)] == matching


def test_times_of_offsets() -> None:
    assert [parse_time(text) for text in ("latest", "earliest", "-3", "17")] == [-1, -2, -3, 17]
    with pytest.raises(CommandFailed, match="Malformed time"):
        parse_time("never")


def test_configs_with_commas_stand_in_brackets() -> None:
    assert parse_configs("a=1,b=[x,y],c=") == {"a": "1", "b": "x,y", "c": ""}
    with pytest.raises(CommandFailed, match="key=val"):
        parse_configs("a")
    with pytest.raises(CommandFailed, match="Invalid character"):
        parse_configs("a b=1")


def test_a_plan_of_what_to_delete(tmp_path: Path) -> None:
    file = tmp_path / "offsets.json"
    file.write_text('{"partitions": [{"topic": "t", "partition": 1, "offset": 5}], "version": 1}')
    assert read_plan(file) == {("t", 1): 5}

    entry = '{"topic": "t", "partition": 1, "offset": 5}'
    file.write_text(f'{{"partitions": [{entry}, {entry}]}}')
    with pytest.raises(CommandFailed, match="duplicate topic partitions: t-1"):
        read_plan(file)
    file.write_text("{}")
    with pytest.raises(CommandFailed, match="partitions"):
        read_plan(file)


# --- what they print ---------------------------------------------------------------------------


def test_the_lines_of_a_topic() -> None:
    partition = PartitionInfo(0, 1, [1, 2], [1], eligible=[], last_eligible=None)
    topic = TopicInfo("t", UUID(int=5), False, [partition])
    own = [Config("retention.ms", "5", Source.DYNAMIC_TOPIC_CONFIG, False, False)]

    assert topic_line(topic, own) == (
        "Topic: t\tTopicId: AAAAAAAAAAAAAAAAAAAABQ\tPartitionCount: 1\tReplicationFactor: 2"
        "\tConfigs: retention.ms=5"
    )
    assert partition_line("t", partition) == (
        "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1,2\tIsr: 1\tElr: \tLastKnownElr: "
    )
    assert len(id_text(UUID(int=2**128 - 1))) == 22


def test_the_line_of_a_config() -> None:
    synonyms = [Synonym("a", "1", Source.DYNAMIC_TOPIC_CONFIG), Synonym("log.a", None, 5)]
    config = Config("a", "1", Source.DYNAMIC_TOPIC_CONFIG, False, False, synonyms)

    assert config_line(config) == (
        "  a=1 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:a=1, DEFAULT_CONFIG:log.a=null}"
    )


MEMBER = Member("client-1-abc", None, "client-1", "/127.0.0.1", [("t", 0)])
GROUP = Group("g", "Stable", "range", Node(1, "127.0.0.1", 9092), [MEMBER])


def test_the_offsets_of_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("g", "t", 0, 3, 5, MEMBER), Row("g", "u", 1, None, 5)]

    group_tables.print_offsets(GROUP, rows, verbose=False)

    head, first, second = capsys.readouterr().out.splitlines()[1:]
    assert head.split()[2:6] == ["PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG"]
    assert first.split() == ["g", "t", "0", "3", "5", "2", MEMBER.id, MEMBER.host, "client-1"]
    assert second.split() == ["g", "u", "1", "-", "5", "-", "-", "-", "-"]


def test_the_state_of_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    group_tables.print_state(GROUP, verbose=False)

    assert capsys.readouterr().out == (
        "\nGROUP           COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE                "
        "#MEMBERS\n"
        "g               127.0.0.1:9092  (1)       range                Stable               1\n"
    )


def test_the_members_of_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    group_tables.print_members(GROUP, verbose=True)

    head, row = capsys.readouterr().out.splitlines()[1:]
    assert head.split()[4:6] == ["#PARTITIONS", "CURRENT-EPOCH"]
    assert row.split() == ["g", MEMBER.id, MEMBER.host, "client-1", "1", "-", "t:0", "-", "-"]


def test_a_new_plan_can_be_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    group_tables.print_csv({"g": {("t", 0): 5}})
    assert capsys.readouterr().out == "t,0,5\n\n"
    group_tables.print_csv({"g": {("t", 0): 5}, "h": {("t", 1): 6}})
    assert capsys.readouterr().out == "g,t,0,5\nh,t,1,6\n\n"

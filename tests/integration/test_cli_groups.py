"""Groups of consumers that are processes of their own."""

import json
import re
import signal

import pytest
from tests.integration.tools import SECONDS, Tools, line_of, until

pytestmark = pytest.mark.timeout(120)


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

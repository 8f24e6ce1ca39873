"""Messages, dead letters, delayed ones and jobs, by commands, at a real broker."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.integration.test_cli_operate import Person

from anymq.testing import EmbeddedBroker

API = "anymq.management.api"
pytest.importorskip(f"{API}.jobs", reason="the routes of the message browser")


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def person(
    broker: EmbeddedBroker,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Person:
    monkeypatch.setenv("ANYMQ_URL", broker.management)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return Person(broker, capsys)


def test_messages_are_looked_at_found_moved_and_deleted(person: Person) -> None:
    """Nobody has to consume them for that."""
    person("queues declare from to")
    for number in range(5):
        body = json.dumps({"order": {"id": number}})
        person("messages publish from --header tenant=acme --payload", body)
    rows = person.rows("messages browse from")
    assert [json.loads(str(row["payload"]))["order"]["id"] for row in rows] == [0, 1, 2, 3, 4]
    assert person("messages browse from --count 1 --last --bodies") == '{"order": {"id": 4}}\n'
    (found,) = person.rows("messages search from --where order.id=3")
    assert person.rows("messages search from --where order.id>=3 --header tenant^=ac")[0] == found
    assert person.rows("messages search from --header !tenant") == []
    moved = person.tries("messages move from --where order.id<2 --to-queue to")
    assert moved == (0, "", "2 of 2 messages done, 5 examined\n")
    assert "--position, or --all" in person.refused("messages delete from")
    person(f"messages delete from --position {found['position']}")
    person("messages copy from --all --to-exchange amq.default --to-key to")
    counts = {row["name"]: row["messages"] for row in person.rows("queues list")}
    assert (counts["from"], counts["to"]) == (2, 4)
    person("messages purge to --limit 1")
    job = person("messages purge to --no-wait").strip()
    person(f"jobs wait {job}")
    (row,) = [each for each in person.rows("jobs list") if each["id"] == job]
    assert (row["action"], row["state"]) == ("purge", "done")
    assert "there is no jobs" in person.refused("jobs show 4711")
    person("queues delete from to")


@pytest.mark.skipif(not find_spec(f"{API}.dead_letters"), reason="no route of it yet")
def test_dead_letters_go_back_to_where_they_died(person: Person) -> None:
    dead = ["-a", "x-dead-letter-exchange=", "-a", "x-dead-letter-routing-key=graves"]
    person("queues declare graves")
    person("queues declare alive", *dead, "-a", "x-max-length=1")
    for text in ("first", "second", "third"):
        person(f"messages publish alive --payload {text}")
    (group,) = person.rows("dead-letters list")
    assert (group["reason"], group["origin_queue"], group["count"]) == ("maxlen", "alive", 2)
    assert person.table("dead-letters list")[1][1:4] == ["graves", "maxlen", "alive"]
    person("queues delete alive")
    person("queues declare alive")
    done = person.tries("dead-letters replay graves --reason maxlen --died-in alive")
    assert done == (0, "", "2 of 2 messages done, 2 examined\n")
    assert person("messages browse alive --bodies") == "first\nsecond\n"
    person("queues delete alive graves")


@pytest.mark.skipif(not find_spec(f"{API}.delayed"), reason="no route of it yet")
def test_delayed_messages_are_cancelled_or_sent_on(person: Person) -> None:
    person("queues declare later")
    person("exchanges declare wait --type x-delayed-message -a x-delayed-type=fanout")
    person("bindings add wait later")
    for _ in range(2):
        person("messages publish k --to wait --header x-delay=3600000 --payload x")
    one, other = person.rows("delayed list")
    person(f"delayed cancel {one['id']}")
    person(f"delayed release {other['id']}")
    assert person("delayed list") == ""
    assert len(person.rows("messages browse later")) == 1
    person("exchanges delete wait")
    person("queues delete later")

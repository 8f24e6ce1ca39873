"""The commands that look after a broker, as a person types them, at a real one."""

import io
import json
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pika
import pytest

from anymq.cli.doctoring.broker import _queues
from anymq.cli.main import main
from anymq.testing import EmbeddedBroker


class Person:
    """Types commands, reads what they print."""

    def __init__(self, broker: EmbeddedBroker, printed: pytest.CaptureFixture[str]) -> None:
        self.broker = broker
        self._printed = printed

    def __call__(self, line: str, *more: str) -> str:
        status, out, err = self.tries(line, *more)
        assert status == 0, out + err
        return out

    def tries(self, line: str, *more: str) -> tuple[int, str, str]:
        status = main([*line.split(), *more])
        return status, *self._printed.readouterr()

    def refused(self, line: str, *more: str) -> str:
        status, out, err = self.tries(line, *more)
        assert status == 1, out + err
        assert err.count("\n") == 1, "one line says why"
        return err

    def rows(self, line: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self(f"{line} --json"))
        return found

    def table(self, line: str) -> list[list[str]]:
        return [row.split() for row in self(line).splitlines()]


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


def test_queues_are_made_shown_emptied_and_deleted(person: Person) -> None:
    person("queues declare one two --type quorum -a x-max-length=5")
    assert person.table("queues list -p / --name one")[1][:3] == ["/", "one", "quorum"]
    person("messages publish one --payload hello")
    person("messages publish one --payload again --header n=1 --property message_id=m")
    assert person.table("queues list --columns name,messages --name one")[1] == ["one", "2"]
    assert "x-max-length" in person("queues show one")
    assert person("messages get one --count 2 --bodies") == "hello\nagain\n"
    (message, *_) = json.loads(person("messages get one --count 2 --json"))[1:]
    assert message["properties"]["headers"]["n"] == 1
    person("queues purge one")
    assert person("messages get one") == ""
    person("queues delete one two")
    assert person.refused("queues delete one") == "anymq queues: there is no queues / one\n"
    person("queues delete one --if-exists")


def test_lists_are_sorted_and_turned_round(person: Person) -> None:
    person("queues declare s1 s2 s3")
    person("messages publish s2 --payload x")
    names = [
        row[0]
        for row in person.table("queues list --columns name --name s --sort messages --reverse")
    ]
    assert names == ["NAME", "s2", "s3", "s1"]
    assert "there is no column 'nonsense'" in person.refused("queues list --columns nonsense")
    person("queues delete s1 s2 s3")


def test_exchanges_and_bindings(person: Person) -> None:
    person("exchanges declare x --type topic")
    person("queues declare q")
    person("bindings add x q --key a.# -a n=1")
    (binding,) = person.rows("bindings list --source x")
    assert (binding["routing_key"], binding["arguments"]) == ("a.#", {"n": 1})
    person("messages publish a.b --to x --payload x")
    assert "no queue took it" in person.refused("messages publish b --to x --payload x")
    assert "no binding" in person.refused("bindings remove x q --key a.#")
    person("bindings remove x q --key a.# -a n=1")
    assert person("bindings list --source x") == ""
    person("exchanges delete x")
    person("queues delete q")


def test_a_user_with_few_rights(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """What passwords are is never among the arguments."""
    monkeypatch.setenv("ANYMQ_NEW_PASSWORD", "secret")
    person("users add ada --tags management,monitoring")
    assert "already" in person.refused("users add ada")
    person("permissions set ada --read", "^ada")
    (row,) = person.rows("permissions list --of ada")
    assert (row["configure"], row["write"], row["read"]) == ("^$", "^$", "^ada")
    person("permissions set-topic ada amq.topic --write", "^a")
    assert len(person.rows("permissions list-topics --of ada")) == 1
    monkeypatch.setenv("ANYMQ_PASSWORD", "secret")
    assert "refused" in person.refused("queues declare no --user ada")
    assert "administrator user (asked as 'ada'" in person.refused("users list --user ada")
    monkeypatch.setenv("ANYMQ_PASSWORD", "wrong")
    refusal = person.refused("queues list --user ada")
    assert "wrong user name or password" in refusal
    assert "ANYMQ_PASSWORD" in refusal
    monkeypatch.delenv("ANYMQ_PASSWORD")
    monkeypatch.setattr("sys.stdin", io.StringIO("another\n"))
    person("users password ada --new-password-file -")
    person("users tags ada")
    (user,) = [each for each in person.rows("users list") if each["name"] == "ada"]
    assert user["tags"] == []
    person("permissions clear-topic ada")
    person("permissions clear ada")
    person("users delete ada")


def test_policies_and_limits(person: Person) -> None:
    person("queues declare limited")
    person("policies set few ^limited max-length=1 --apply-to queues --priority 2")
    assert person.rows("policies list")[0]["definition"] == {"max-length": 1}
    assert person.rows("queues list --name limited")[0]["policy"] == "few"
    person("policies set less ^limited max-length=7 --operator")
    assert [row["name"] for row in person.rows("policies list --operator")] == ["less"]
    person("policies clear few")
    person("policies clear less --operator")
    assert person("policies list") == ""
    person("limits set vhost / max-queues=1000")
    person("limits set user guest max-channels=100")
    rows = [row[:4] for row in person.table("limits list")]
    assert rows[1:] == [
        ["vhost", "/", "max-queues", "1000"],
        ["user", "guest", "max-channels", "100"],
    ]
    assert "is no number" in person.refused("limits set vhost / max-queues=many")
    person("limits clear vhost / max-queues")
    person("limits clear user guest max-channels")
    person("queues delete limited")


def test_who_is_connected_and_that_he_goes(person: Person) -> None:
    parameters = pika.ConnectionParameters(
        "127.0.0.1",
        person.broker.ports["amqp"],
        client_properties={"connection_name": "mine"},
    )
    connection = pika.BlockingConnection(parameters)
    connection.channel().basic_qos(prefetch_count=7)
    (row,) = [each for each in person.rows("connections list") if each["user"] == "guest"]
    assert row["user_provided_name"] == "mine"
    assert person.rows("channels list")[0]["prefetch_count"] == 7
    assert "which?" in person.refused("connections close")
    assert person("connections close --of guest --reason enough") == "1 connections closed\n"
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="enough"):
        connection.process_data_events(10)


def test_who_is_slow_is_told(person: Person) -> None:
    """It has all it may have, acknowledges nothing, and more waits."""
    person("queues declare behind")
    for _ in range(2):
        person("messages publish behind --payload x")
    parameters = pika.ConnectionParameters("127.0.0.1", person.broker.ports["amqp"])
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        next(channel.consume("behind"))
        (row,) = person.rows("consumers slow")
        assert (row["queue"], row["why"]) == ("behind", ["full"])
        assert person.table("consumers slow")[1][:3] == ["consumer", "/", "behind"]
        assert person.rows("consumers list")[0]["prefetch_count"] == 1
    person("queues delete behind")


@pytest.mark.skipif(not find_spec("anymq.management.api.audit"), reason="no route of it yet")
def test_who_did_what_is_told(person: Person) -> None:
    person("queues declare noted")
    person("queues delete noted")
    deleted, created, *_ = person.rows("audit --kind queues")
    assert (created["action"], deleted["action"]) == ("created", "deleted")
    assert "noted" in person("audit --of guest --count 1")


def test_of_a_virtual_host_what_is_not_said_stays(person: Person) -> None:
    person("vhosts add changed --description mine --default-queue-type quorum")
    person("vhosts add changed --tags a,b")
    [row] = [row for row in person.rows("vhosts list") if row["name"] == "changed"]
    assert (row["description"], row["tags"]) == ("mine", ["a", "b"])
    assert row["default_queue_type"] == "quorum"
    person("vhosts delete changed")


def test_definitions_go_out_and_come_in(person: Person, tmp_path: Path) -> None:
    """The file has hashes of passwords: nobody else reads it."""
    person("vhosts add other --description mine")
    person("queues declare kept -p other")
    file = tmp_path / "definitions.json"
    person(f"definitions export {file}")
    assert file.stat().st_mode & 0o077 == 0
    person("vhosts delete other")
    person(f"definitions import {file}")
    assert [row["name"] for row in person.rows("queues list -p other")] == ["kept"]
    assert "no definitions" in person.refused("definitions import", __file__)
    person("vhosts delete other")


def test_the_broker_at_a_glance(person: Person) -> None:
    assert "memory" in person("status")
    assert json.loads(person("status --json"))["node"]["running"] is True
    assert person("alarms") == "no alarms\n"


def test_where_the_broker_is(
    person: Person, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A flag over a variable over the file; a password that others may read is refused."""
    file = tmp_path / "anymq" / "client.toml"
    file.parent.mkdir()
    file.write_text(f'[here]\nurl = "{person.broker.management}"\nuser = "guest"\n')
    monkeypatch.setenv("ANYMQ_URL", "http://127.0.0.1:1")
    assert "nobody listens there" in person.refused("queues list")
    person("queues list --at here")
    person(f"queues list --url {person.broker.management}")
    assert "knows no broker 'there', but here" in person.refused("queues list --at there")
    file.write_text('[here]\npassword = "guest"\n')
    file.chmod(0o644)
    assert "chmod 600" in person.refused("queues list --at here")
    file.unlink()
    amqp = f"http://127.0.0.1:{person.broker.ports['amqp']}"
    assert "port of the management" in person.refused(f"queues list --url {amqp}")
    assert "is no URL" in person.refused("queues list --url http://")


def test_completion_knows_commands_actions_and_flags(person: Person) -> None:
    for shell in ("bash", "zsh", "fish"):
        script = person(f"completion {shell}")
        assert all(word in script for word in ("queues", "list_queues", "if-unused", "quorum"))


def test_the_doctor_asks_the_broker_that_runs(person: Person, tmp_path: Path) -> None:
    """A heap that nobody takes is told; ports that are taken are not what is asked here."""
    person("queues declare heap")
    out = person.tries(f"doctor --ask --data {tmp_path}")[1]
    assert f"a broker answers at {person.broker.management}" in out
    assert "none with a heap that nobody takes" in out
    person("queues delete heap")


@pytest.mark.parametrize(
    ("queue", "seen"),
    [
        (
            {"messages_ready": 100_000, "consumers": 0},
            "nobody takes what waits in 'q' of / (100,000)",
        ),
        (
            {"messages_ready": 5, "messages_unacknowledged": 2, "consumers": 1},
            "messages wait, none is acknowledged: 'q' of / (5)",
        ),
    ],
)
def test_what_the_doctor_says_of_a_queue(queue: dict[str, object], seen: str) -> None:
    (finding,) = _queues([{"name": "q", "vhost": "/", **queue}])
    assert finding.seen == seen


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("anymq que", "queues"),
        ("anymq queues d", "declare delete"),
        ("anymq queues declare --ty", "--type"),
        ("anymq limits set v", "vhost"),
        ("anymq rabbitmqctl list_qu", "list_queues"),
        ("anymq status --js", "--json"),
    ],
)
def test_bash_completes(words: str, found: str, person: Person, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(person("completion bash"))
    asks = (
        'source "$1"; COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1));'
        ' _anymq; echo "${COMPREPLY[*]}"'
    )
    command = ["bash", "--norc", "-c", asks, "bash", str(script), words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == found.split()


def test_the_broker_logs_more_while_it_runs(person: Person) -> None:
    before = person("log-level").split()[0]
    person("log-level debug --part amqp")
    assert person("log-level").splitlines()[1:] == ["amqp debug"]
    person("log-level default --part amqp")
    person("rabbitmqctl set_log_level error")
    assert json.loads(person("log-level --json")) == {"level": "error", "parts": {}}
    person(f"log-level {before}")
    assert "is no level" in person.refused("log-level loud")


def test_publishers_wait_from_a_watermark_on(person: Person) -> None:
    """At once: who scripts it goes on with a test of just that."""
    person("rabbitmqctl set_vm_memory_high_watermark 0")
    assert person.tries("alarms")[0] == 1
    person("rabbitmqctl set_vm_memory_high_watermark 0.6")
    assert person.tries("alarms")[0] == 0
    person("rabbitmqctl set_disk_free_limit 1000TB")
    assert "disk" in person.tries("alarms")[1]
    person("rabbitmqctl set_disk_free_limit 50MB")
    assert person.tries("alarms")[0] == 0
    assert person.tries("rabbitmqctl set_vm_memory_high_watermark much")[0] == 65
    assert person.tries("rabbitmqctl set_disk_free_limit much")[0] != 0
    person("rabbitmqctl set_vm_memory_high_watermark absolute 4GB")
    assert '"memory_alarm_bytes": 4294967296' in person("rabbitmqctl environment")
    person("rabbitmqctl set_vm_memory_high_watermark 0.6")


def test_shovels_are_set_shown_restarted_and_deleted(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Passwords come by standard input, and never go out."""
    secret = io.TextIOWrapper(io.BytesIO(b'{"dest-uri": "amqp://u:s3cret@127.0.0.1:1"}'))
    monkeypatch.setattr("sys.stdin", secret)
    more = "src-protocol=local src-queue=shovelled reconnect-delay=0 --file -"
    person(f"shovels set away {more}")
    assert "s3cret" not in person("shovels show away") + person("shovels list --json")
    person("shovels restart away")
    (row,) = person.rows("shovels list")
    assert (row["name"], row["vhost"]) == ("away", "/")
    assert "away" in person("rabbitmqctl shovel_status")
    assert person("rabbitmqctl restart_shovel away").startswith("Restarting dynamic Shovel away")
    status, _, err = person.tries("rabbitmqctl restart_shovel nope")
    assert (status, "was not found" in err) == (69, True)
    assert "anymq shovels" in person.refused("shovels restart nope")
    assert person("rabbitmqctl delete_shovel away") == "Deleting shovel away in vhost /\n"
    assert person("shovels list") == ""
    person("shovels set again src-uri=amqp:// src-queue=a dest-uri=amqp:// dest-queue=b")
    person("shovels delete again")

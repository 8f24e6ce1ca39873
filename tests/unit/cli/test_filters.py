"""What the flags of `anymq messages` say, as filters and jobs of the API."""

import argparse
from typing import Any

import pytest

from anymq.cli.errors import CommandFailed
from anymq.cli.operate import messages
from anymq.cli.operate.filters import condition


def job(line: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    messages.configure(parser)
    return messages.job_of(parser.parse_args(line.split()))


@pytest.mark.parametrize(
    ("text", "op", "value"),
    [
        ("a=1", "=", 1),
        ("a=x", "=", "x"),
        ("a=true", "=", True),
        ('a="1"', "=", "1"),
        ("a!=1", "!=", 1),
        ("a<=2", "<=", 2),
        ("a>2", ">", 2),
        ("a~=1", "contains", "1"),
        ("a^=eu", "starts", "eu"),
        ("a=b=c", "=", "b=c"),
    ],
)
def test_a_condition_is_a_name_an_operator_a_value(text: str, op: str, value: object) -> None:
    assert condition(text, "name") == {"name": "a", "op": op, "value": value}


def test_a_name_alone_is_there_or_not() -> None:
    assert condition("a.b[0]", "path") == {"path": "a.b[0]", "op": "exists"}
    assert condition("!a", "path") == {"path": "a", "op": "missing"}
    with pytest.raises(CommandFailed):
        condition("", "path")


def test_all_flags_become_one_filter() -> None:
    said = job(
        "search q --where a=1 --header t=x --property message_id=m --routing-key eu.* --text hi"
        " --ignore-case --from 2026-01-01T00:00:00Z --bytes-min 5 --redelivered --died-of expired"
    )
    assert said == {
        "action": "search",
        "source": {"vhost": "/", "queue": "q"},
        "filter": {
            "routing_key": "eu.*",
            "text": "hi",
            "from": "2026-01-01T00:00:00Z",
            "bytes_min": 5,
            "json": [{"path": "a", "op": "=", "value": 1}],
            "headers": [{"name": "t", "op": "=", "value": "x"}],
            "properties": [{"name": "message_id", "op": "=", "value": "m"}],
            "ignore_case": True,
            "redelivered": True,
            "death": {"reason": "expired"},
        },
    }


def test_all_messages_have_to_be_asked_for() -> None:
    """A filter that was forgotten must not empty a queue."""
    for action in ("delete q", "move q --to-queue r", "requeue q", "replay q"):
        with pytest.raises(CommandFailed, match="--all"):
            job(action)
    assert job("delete q --all --limit 3") == {
        "action": "delete",
        "source": {"vhost": "/", "queue": "q"},
        "limit": 3,
    }
    assert job("delete q --position 3:4 --position 5")["positions"] == ["3:4", "5"]


def test_a_target_is_one_place() -> None:
    assert job("move q --all --to-queue r")["target"] == {"queue": "r"}
    to_exchange = job("copy t --topic --partition 2 --all --to-exchange x --to-key k --edit {}")
    assert to_exchange["target"] == {"exchange": "x", "routing_key": "k"}
    assert to_exchange["source"] == {"topic": "t", "partition": 2}
    for wrong in ("move q --all", "move q --all --to-queue r --to-exchange x"):
        with pytest.raises(CommandFailed, match="where to"):
            job(wrong)

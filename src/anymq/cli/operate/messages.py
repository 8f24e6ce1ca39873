"""`anymq messages`: browse, search, get, publish; delete, requeue, move, copy, replay, purge."""

import argparse
import base64
import sys
from collections.abc import Mapping
from typing import Any

from anymq.cli.api import Api, jobs
from anymq.cli.api.actions import Actions, run, table_of, value_of, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_rows
from anymq.cli.errors import CommandFailed
from anymq.cli.operate.filters import add_filter_flags, filter_of
from anymq.cli.output import time_text

__all__ = ["configure", "run"]

COLUMNS = {
    "position": "position",
    "time": "time",
    "state": "state",
    "exchange": "exchange",
    "key": "routing_key",
    "bytes": "payload_bytes",
    "payload": "payload",
}
GOT_COLUMNS = {
    "exchange": "exchange",
    "key": "routing_key",
    "redelivered": "redelivered",
    "bytes": "payload_bytes",
    "payload": "payload",
}
DEFAULT_EXCHANGE = "amq.default"  # as the API calls the one without a name
SHOWN_BYTES = 200  # of a body, in a table
WHOLE_BYTES = 16 * 1024 * 1024  # as much of a body as the API shows
# What each does to those that match, and whether it says where to.
JOBS: Mapping[str, tuple[str, bool]] = {
    "search": ("find messages, without consuming them", False),
    "delete": ("delete messages", False),
    "requeue": ("put messages at the end of their queue", False),
    "move": ("move messages elsewhere", True),
    "copy": ("copy messages elsewhere", True),
    "replay": ("send dead letters back to where they came from", False),
    "purge": ("drop the oldest so many (--limit), or all", False),
}
EDITING = ("requeue", "move", "copy", "replay")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    action = actions.add("browse", "look at messages, without consuming them", browse)
    _source(action)
    action.add_argument("--position", metavar="POSITION", help="from this one on")
    action.add_argument("--time", metavar="TIME", help="from what came then, on")
    action.add_argument("--last", action="store_true", help="the newest instead of the oldest")
    action.add_argument("--count", "-n", type=int, default=50, help="so many; default: 50")
    _rows(action)
    for name, (about, has_target) in JOBS.items():
        _configure_job(actions.add(name, about, work), name, has_target)
    _configure_get(actions.add("get", "take messages from a queue, or look at the first", get))
    _configure_publish(actions.add("publish", "publish one message", publish, "KEY"))


def _configure_job(action: argparse.ArgumentParser, name: str, has_target: bool) -> None:
    _source(action)
    action.set_defaults(job=name)
    if name != "purge":
        add_filter_flags(action)
        action.add_argument("--position", action="append", metavar="P", help="this; repeatable")
        if name != "search":
            action.add_argument("--all", action="store_true", help="if no others are said")
    action.add_argument("--limit", type=int, metavar="N", help="at most so many")
    action.add_argument("--no-wait", action="store_true", help="print the job's id, go")
    if has_target:
        action.add_argument("--to-queue", metavar="NAME", help="to this queue")
        action.add_argument("--to-exchange", metavar="NAME", help="publish it there")
        action.add_argument("--to-key", metavar="KEY", help="under this key; default: its own")
        action.add_argument("--to-vhost", metavar="NAME", help="default: the same")
    if name in EDITING:
        action.add_argument("--edit", metavar="JSON", help='{"headers": {"retried": true}}')
    if name == "replay":
        action.add_argument("--through-exchange", action="store_true", help="all that bound get it")
    _rows(action)


def _configure_get(action: argparse.ArgumentParser) -> None:
    action.add_argument("queue", metavar="QUEUE")
    vhost_flag(action)
    action.add_argument("--count", "-n", type=int, default=1, help="so many; default: 1")
    action.add_argument("--take", action="store_true", help="they are gone then")
    _rows(action)


def _configure_publish(action: argparse.ArgumentParser) -> None:
    vhost_flag(action)
    action.add_argument(
        "--to", default=DEFAULT_EXCHANGE, metavar="EXCHANGE", help="default: queues"
    )
    action.add_argument("--payload", metavar="TEXT", help="the body; default: standard input")
    for flag in ("--property", "--header"):
        action.add_argument(flag, action="append", default=[], metavar="NAME=VALUE")


def _source(action: argparse.ArgumentParser) -> None:
    action.add_argument("name", metavar="QUEUE", help="queue or stream, or topic with --topic")
    action.add_argument("--topic", action="store_true", help="QUEUE is a topic")
    action.add_argument("--partition", type=int, metavar="N", help="of a topic; default: all, or 0")
    vhost_flag(action)


def _rows(action: argparse.ArgumentParser) -> None:
    add_row_flags(action)
    action.add_argument("--bodies", action="store_true", help="bodies as they are, nothing else")


# --- looking -------------------------------------------------------------------------------


def browse(api: Api, arguments: argparse.Namespace) -> None:
    """Print some messages."""
    if arguments.topic:
        partition = str(arguments.partition or 0)
        path: tuple[str, ...] = ("topics", arguments.name, "partitions", partition, "messages")
    else:
        path = ("queues", arguments.vhost, arguments.name, "messages")
    query = {
        "position": arguments.position,
        "time": arguments.time,
        "count": arguments.count,
        "last": arguments.last or None,
        "truncate": None if _whole(arguments) else SHOWN_BYTES,
    }
    show_messages(api.get(*path, **query)["messages"], COLUMNS, arguments)


def get(api: Api, arguments: argparse.Namespace) -> None:
    """Take them, or put them back."""
    body = {
        "count": arguments.count,
        "ackmode": "ack_requeue_false" if arguments.take else "ack_requeue_true",
        "encoding": "auto",
    }
    found = api.post("queues", arguments.vhost, arguments.queue, "get", body=body)
    show_messages(found, GOT_COLUMNS, arguments)


def _whole(arguments: argparse.Namespace) -> bool:
    return bool(arguments.json or arguments.bodies)


def show_messages(
    messages: list[dict[str, Any]], columns: Mapping[str, str], arguments: argparse.Namespace
) -> None:
    """Print them as they are wanted."""
    if arguments.bodies:
        for message in messages:
            sys.stdout.buffer.write(_body(message) + b"\n")
    elif arguments.json:
        show_rows(messages, columns, arguments)
    else:
        show_rows([{**each, "time": _time(each)} for each in messages], columns, arguments)


def _time(message: Mapping[str, Any]) -> str | None:
    timestamp = message.get("timestamp")
    return None if timestamp is None else time_text(timestamp)


def _body(message: Mapping[str, Any]) -> bytes:
    payload: str = message["payload"]
    is_text = message["payload_encoding"] == "string"
    return payload.encode() if is_text else base64.b64decode(payload)


# --- doing ---------------------------------------------------------------------------------


def work(api: Api, arguments: argparse.Namespace) -> None:
    """Begin a job, see it through."""
    ended = jobs.run(api, job_of(arguments), arguments)
    if ended is None:
        return
    if arguments.job == "search":
        show_messages(ended["results"], COLUMNS, arguments)
    jobs.tell_summary(ended)


def job_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the API is asked for."""
    said = vars(arguments)
    body: dict[str, Any] = {"action": arguments.job, "source": _source_of(arguments)}
    if said.get("limit") is not None:
        body["limit"] = arguments.limit
    if arguments.job != "purge":
        body |= _which(arguments)
    if said.get("edit"):
        body["edit"] = value_of(arguments.edit)
    if said.get("through_exchange"):
        body["to"] = "exchange"
    if "to_queue" in said:
        body["target"] = _target(arguments)
    if arguments.job == "search" and _whole(arguments):
        body["truncate"] = WHOLE_BYTES
    return body


def _source_of(arguments: argparse.Namespace) -> dict[str, Any]:
    if not arguments.topic:
        return {"vhost": arguments.vhost, "queue": arguments.name}
    partition = {} if arguments.partition is None else {"partition": arguments.partition}
    return {"topic": arguments.name, **partition}


def _which(arguments: argparse.Namespace) -> dict[str, Any]:
    """Say which messages; all of them only where that is said, too."""
    if arguments.position:
        return {"positions": arguments.position}
    if found := filter_of(arguments):
        return {"filter": found}
    if arguments.job == "search" or arguments.all:
        return {}
    raise CommandFailed("which? Say what they have in common, --position, or --all")


def _target(arguments: argparse.Namespace) -> dict[str, Any]:
    if (arguments.to_queue is None) == (arguments.to_exchange is None):
        raise CommandFailed("where to? --to-queue or --to-exchange")
    exchange = "" if arguments.to_exchange == DEFAULT_EXCHANGE else arguments.to_exchange
    said = {
        "queue": arguments.to_queue,
        "exchange": exchange,
        "routing_key": arguments.to_key,
        "vhost": arguments.to_vhost,
    }
    return {key: value for key, value in said.items() if value is not None}


def publish(api: Api, arguments: argparse.Namespace) -> None:
    """Publish it; nobody who takes it is an error."""
    payload = arguments.payload
    data = sys.stdin.buffer.read() if payload is None else payload.encode()
    properties = {"delivery_mode": 2, **table_of(arguments.property)}
    if arguments.header:
        properties["headers"] = table_of(arguments.header)
    body = {
        "routing_key": arguments.key,
        "properties": properties,
        "payload": base64.b64encode(data).decode(),
        "payload_encoding": "base64",
    }
    said = api.post("exchanges", arguments.vhost, arguments.to, "publish", body=body)
    if not said["routed"]:
        raise CommandFailed("no queue took it: nothing is bound there for this key")

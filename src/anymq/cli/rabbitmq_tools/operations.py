"""rabbitmqctl: queues, connections, definitions."""

import os
import time
from typing import Any
from urllib.parse import unquote

from anymq.cli.api import ApiRefused
from anymq.cli.errors import CommandFailed
from anymq.cli.operate.connections import close_one
from anymq.cli.operate.definitions import read_document, write_file
from anymq.cli.rabbitmq_tools.call import (
    BOOLEAN,
    NUMBER,
    TEXT,
    BadUsage,
    Bare,
    Call,
    Commands,
    Exit,
    Failed,
)
from anymq.cli.rabbitmq_tools.listing import connection_pid

COMMANDS = Commands()
NOT_FOUND = "Object (queue, stream, exchange, etc) was not found"
STARTED = "Successfully started definition import."


@COMMANDS.add(
    "delete_queue [--vhost <vhost>] <queue_name> [--if-empty|-e] [--if-unused|-u] [--force]",
    1,
    letters={"e": "if_empty", "u": "if_unused"},
    if_empty=BOOLEAN,
    if_unused=BOOLEAN,
    force=BOOLEAN,
)
def delete_queue(call: Call) -> None:
    """Deletes a queue."""
    name = call.words[0]
    said = [word for word in ("if_empty", "if_unused") if call.options.get(word)]
    only = {word.replace("_", "-"): True for word in said}
    call.say(f"Deleting queue '{name}' on vhost '{call.vhost}'{_only(said)} ...")
    found = call.api.find("queues", call.vhost, name)
    if found is None:
        raise Failed(Exit.USAGE, "No such queue was found")
    call.api.delete("queues", call.vhost, name, **only)
    ready = found.get("messages_ready", 0)
    call.say(f"Queue was successfully deleted with {ready} ready messages")


def _only(said: list[str]) -> str:
    words = {"if_empty": "queue is empty", "if_unused": "queue is unused"}
    return f" if {' and if '.join(words[each] for each in said)}" if said else ""


@COMMANDS.add("purge_queue [--vhost <vhost>] <queue>", 1)
def purge_queue(call: Call) -> None:
    """Drops all messages that wait in a queue."""
    name = call.words[0]
    call.say(f"Purging queue '{name}' in vhost '{call.vhost}' ...")
    try:
        call.api.delete("queues", call.vhost, name, "contents")
    except ApiRefused as refused:
        if refused.not_there:
            raise Bare(Exit.DATA, NOT_FOUND) from None
        raise


# --- connections ---------------------------------------------------------------------------


@COMMANDS.add("close_connection <connection pid> <explanation>", 2)
def close_connection(call: Call) -> None:
    """Closes one, by the `pid` or the `name` that list_connections shows."""
    wanted, reason = call.words
    call.say(f"Closing connection {wanted}, reason: {reason}...")
    for row in call.api.get("connections"):
        if wanted in (connection_pid(row), row["name"], row.get("user_provided_name")):
            close_one(call.api, row["name"], reason)
            return
    raise Failed(Exit.UNAVAILABLE, f"there is no connection {wanted}")


@COMMANDS.add(
    "close_all_connections [--vhost <vhost> --limit <limit>] [-n <node> --global]"
    " [--per-connection-delay <delay>] <explanation>",
    1,
    more={"global": BOOLEAN, "per_connection_delay": NUMBER, "limit": NUMBER},
)
def close_all_connections(call: Call) -> None:
    """Closes the connections to a virtual host, or all."""
    reason, everywhere = call.words[0], call.options.get("global")
    where = f"to node {call.node}" if everywhere else f"in vhost {call.vhost}"
    call.say(f"Closing all connections {where}, reason: {reason}...")
    found = [
        row for row in call.api.get("connections") if everywhere or row.get("vhost") == call.vhost
    ]
    closed = _close_all(call, found[: int(call.options.get("limit", 0)) or None], reason)
    call.say(f"Closed {closed} connections")


@COMMANDS.add("close_all_user_connections <username> <explanation>", 2)
def close_all_user_connections(call: Call) -> None:
    """Closes the connections of a user."""
    name, reason = call.words
    call.say(f"Closing connections of user {name}, reason: {reason}...")
    _close_all(call, [row for row in call.api.get("connections") if row["user"] == name], reason)


def _close_all(call: Call, rows: list[dict[str, Any]], reason: str) -> int:
    for number, row in enumerate(rows):
        if number and (delay_ms := float(call.options.get("per_connection_delay", 0))):
            time.sleep(delay_ms / 1000)
        try:
            close_one(call.api, row["name"], reason)
        except ApiRefused as refused:
            if not refused.not_there:  # else it went by itself
                raise
    return len(rows)


# --- definitions ---------------------------------------------------------------------------


@COMMANDS.add('export_definitions <file_path | "-"> [--format <json>]', 1, format=TEXT)
def export_definitions(call: Call) -> None:
    """Writes all definitions to a file, as JSON."""
    path = _path(call)
    if path != "-":
        call.say(f'Exporting definitions in JSON to a file at "{path}" ...')
    write_file(path, _json(call.api.get("definitions")))


@COMMANDS.add(
    "import_definitions <file_path> [--format <json | erlang>] [--skip-if-unchanged]"
    " [--timeout <timeout>]",
    0,
    1,
    format=TEXT,
    skip_if_unchanged=BOOLEAN,
)
def import_definitions(call: Call) -> None:
    """Makes what a file says, or standard input."""
    path = _path(call) if call.words else "-"
    if path != "-" and not os.path.exists(path):
        raise BadUsage(f"Bad argument: File {path} does not exist", Exit.DATA)
    try:
        content = read_document(path)
    except CommandFailed as error:
        raise BadUsage(f"Bad argument: {error}", Exit.DATA) from None
    what = "standard input" if path == "-" else f'a file at "{path}"'
    call.say(f"Importing definitions in JSON from {what} ...")
    call.api.post("definitions", body=content)
    call.say(STARTED)


def _path(call: Call) -> str:
    if call.options.get("format", "json").lower() != "json":
        raise BadUsage("Bad argument: only JSON is spoken here, no Erlang terms")
    path = call.words[0]
    return unquote(path.removeprefix("file://")) if path.startswith("file://") else path


def _json(value: object) -> bytes:
    import msgspec

    return msgspec.json.encode(value)

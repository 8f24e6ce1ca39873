"""rabbitmqctl: shovels."""

from typing import Any

from anymq.cli.rabbitmq_tools.call import BOOLEAN, Call, Commands, Exit, Failed

COMMANDS = Commands()
COLUMNS = (  # in RabbitMQ's order
    *("name", "pending", "type", "state", "source", "destination", "vhost", "termination_reason"),
    *("destination_protocol", "source_protocol", "last_changed", "source_queue"),
    *("source_exchange", "source_exchange_key", "destination_queue", "destination_exchange"),
    *("destination_exchange_key", "remaining", "remaining_unacked", "forwarded"),
)
NAMES = {
    "destination": "dest_uri",
    "destination_exchange": "dest_exchange",
    "destination_exchange_key": "dest_exchange_key",
    "destination_protocol": "dest_protocol",
    "destination_queue": "dest_queue",
    "last_changed": "timestamp",
    "source": "src_uri",
    "source_exchange": "src_exchange",
    "source_exchange_key": "src_exchange_key",
    "source_protocol": "src_protocol",
    "source_queue": "src_queue",
    "termination_reason": "reason",
}
ALWAYS = ("destination", "source", "termination_reason")


@COMMANDS.add("shovel_status")
def shovel_status(call: Call) -> None:
    """Displays how the shovels are."""
    call.say(f"Shovel status on node {call.node}")
    rows = [_row(one) for one in call.api.get("shovels")]
    said = {column for row in rows for column in row}
    call.rows([column for column in COLUMNS if column in said], rows)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    found = {column: one.get(NAMES.get(column, column)) for column in COLUMNS}
    found |= {column: found[column] or "" for column in ALWAYS}
    return {column: value for column, value in found.items() if value is not None}


@COMMANDS.add("restart_shovel [--vhost <vhost>] <name>", 1)
def restart_shovel(call: Call) -> None:
    """Restarts a shovel."""
    (name,) = call.words
    where = f"in virtual host {call.vhost} on node {call.node}"
    call.say(f"Restarting dynamic Shovel {name} {where}")
    _check(call, name, "and / or")
    call.api.delete("shovels", "vhost", call.vhost, name, "restart")


@COMMANDS.add("delete_shovel [--vhost <vhost>] [--force] <name>", 1, force=BOOLEAN)
def delete_shovel(call: Call) -> None:
    """Deletes a shovel."""
    (name,) = call.words
    call.say(f"Deleting shovel {name} in vhost {call.vhost}")
    hint = ". It may be failing to connect and report its state, will delete its runtime parameter"
    _check(call, name, "and/or", f"{hint}...")
    call.api.delete("shovels", "vhost", call.vhost, name)


def _check(call: Call, name: str, and_or: str, hint: str = "") -> None:
    if call.api.find("shovels", "vhost", call.vhost, name) is None:
        where = f"on the target node '{call.node}' {and_or} virtual host '{call.vhost}'"
        text = f"Shovel with the given name was not found {where}{hint}"
        raise Failed(Exit.UNAVAILABLE, text)

"""rabbitmqctl list_queues and its like: columns by RabbitMQ's names, of rows of the API."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anymq.cli.rabbitmq_tools.call import BOOLEAN, NUMBER, BadUsage, Call, Commands
from anymq.cli.rabbitmq_tools.formats import Address, Protocol, Row, Tags

COMMANDS = Commands()

QUEUE_COLUMNS = (
    *("name", "durable", "auto_delete", "arguments", "policy", "operator_policy"),
    *("effective_policy_definition", "pid", "owner_pid", "exclusive", "exclusive_consumer_pid"),
    *("exclusive_consumer_tag", "messages_ready", "messages_unacknowledged", "messages"),
    *("messages_ready_ram", "messages_unacknowledged_ram", "messages_ram", "messages_persistent"),
    *("message_bytes", "message_bytes_ready", "message_bytes_unacknowledged", "message_bytes_ram"),
    *("message_bytes_persistent", "head_message_timestamp", "disk_reads", "disk_writes"),
    *("consumers", "consumer_utilisation", "consumer_capacity", "memory", "state", "type"),
    *("leader", "members", "online"),
)
EXCHANGE_COLUMNS = ("name", "type", "durable", "auto_delete", "internal", "arguments", "policy")
BINDING_COLUMNS = (
    *("source_name", "source_kind", "destination_name", "destination_kind", "routing_key"),
    "arguments",
)
CONNECTION_COLUMNS = (
    *("pid", "name", "port", "host", "peer_port", "peer_host", "ssl", "ssl_protocol"),
    *("ssl_key_exchange", "ssl_cipher", "ssl_hash", "peer_cert_subject", "peer_cert_issuer"),
    *("peer_cert_serial_number", "peer_cert_validity", "state", "channels", "protocol"),
    *("auth_mechanism", "user", "vhost", "container_id", "timeout", "frame_max", "channel_max"),
    *("client_properties", "recv_oct", "recv_cnt", "send_oct", "send_cnt", "send_pend"),
    "connected_at",
)
STOMP_COLUMNS = (
    *("conn_name", "name", "user", "connection", "connection_state", "session_id", "version"),
    *("implicit_connect", "auth_login", "auth_mechanism", "peer_addr", "host", "port"),
    *("peer_host", "peer_port", "protocol", "connected_at", "channels", "channel_max"),
    *("frame_max", "client_properties", "ssl", "ssl_protocol", "ssl_key_exchange"),
    *("ssl_cipher", "ssl_hash"),
)
MQTT_COLUMNS = (
    *("protocol", "host", "port", "peer_host", "peer_port", "ssl", "vhost", "user", "client_id"),
    *("conn_name", "user_property", "connection_state", "ssl_login_name", "recv_cnt"),
    *("recv_oct", "send_cnt", "send_oct", "send_pend", "clean_sess", "will_msg"),
    *("retainer_pid", "exchange", "prefetch", "messages_unconfirmed"),
    "messages_unacknowledged",
)
CHANNEL_COLUMNS = (
    *("pid", "connection", "name", "number", "user", "vhost", "transactional", "confirm"),
    *("consumer_count", "messages_unacknowledged", "messages_uncommitted", "acks_uncommitted"),
    *("messages_unconfirmed", "prefetch_count"),
)
CONSUMER_COLUMNS = (
    *("queue_name", "channel_pid", "consumer_tag", "ack_required", "prefetch_count", "active"),
    *("activity_status", "arguments"),
)
VHOST_COLUMNS = (
    *("name", "description", "tags", "default_queue_type", "protected_from_deletion", "tracing"),
    *("cluster_state", "metadata"),
)


@COMMANDS.add(
    "list_queues [--vhost <vhost>] [--online] [--offline] [--local] [--no-table-headers]"
    " [<column>, ...] [--timeout <timeout>]",
    0,
    -1,
    offline=BOOLEAN,
    online=BOOLEAN,
    local=BOOLEAN,
)
def list_queues(call: Call) -> None:
    """Lists queues and streams of a virtual host."""
    columns = chosen(call, QUEUE_COLUMNS, ("name", "messages"))
    seconds = float(call.options.get("timeout", 60.0))
    call.say(f"Timeout: {seconds} seconds ...", f"Listing queues for vhost {call.vhost} ...")
    rows = [] if call.options.get("offline") else call.api.find("queues", call.vhost) or []
    call.rows(columns, [with_columns(row, QUEUE_OF) for row in rows])


@COMMANDS.add(
    "list_unresponsive_queues [--local] [--queue-timeout <seconds>] [<column> ...]",
    0,
    -1,
    local=BOOLEAN,
    queue_timeout=NUMBER,
)
def list_unresponsive_queues(call: Call) -> None:
    """Lists queues that do not answer: there are none, while the node answers."""
    call.say(f"Listing unresponsive queues for vhost {call.vhost} ...")
    call.rows(chosen(call, QUEUE_COLUMNS, ("name",)), [])


@COMMANDS.add(
    "list_exchanges [--vhost <vhost>] [--no-table-headers] [<column> ...]",
    0,
    -1,
)
def list_exchanges(call: Call) -> None:
    """Lists exchanges of a virtual host."""
    columns = chosen(call, EXCHANGE_COLUMNS, ("name", "type"))
    call.say(f"Listing exchanges for vhost {call.vhost} ...")
    call.rows(columns, call.api.find("exchanges", call.vhost) or [])


@COMMANDS.add("list_bindings [--vhost <vhost>] [--no-table-headers] [<column> ...]", 0, -1)
def list_bindings(call: Call) -> None:
    """Lists bindings of a virtual host; every queue is bound to the exchange without a name."""
    columns = chosen(call, BINDING_COLUMNS, BINDING_COLUMNS)
    call.say(f"Listing bindings for vhost {call.vhost}...")
    found = call.api.find("bindings", call.vhost) or []
    call.rows(columns, [with_columns(row, BINDING_OF) for row in found])


@COMMANDS.add("list_connections [--no-table-headers] [<column> ...]", 0, -1)
def list_connections(call: Call) -> None:
    """Lists connections; their `pid` is what close_connection takes."""
    columns = chosen(call, CONNECTION_COLUMNS, ("user", "peer_host", "peer_port", "state"))
    call.say("Listing connections ...")
    call.rows(columns, [with_columns(row, CONNECTION_OF) for row in call.api.get("connections")])


@COMMANDS.add("list_stomp_connections [--verbose] [<column> ...]", 0, -1, verbose=BOOLEAN)
def list_stomp_connections(call: Call) -> None:
    """Lists connections of STOMP's clients."""
    _list_of(call, "STOMP", STOMP_COLUMNS, ("session_id", "conn_name"))


@COMMANDS.add("list_mqtt_connections [--verbose] [<column> ...]", 0, -1, verbose=BOOLEAN)
def list_mqtt_connections(call: Call) -> None:
    """Lists connections of MQTT's clients."""
    _list_of(call, "MQTT", MQTT_COLUMNS, ("client_id",))


def _list_of(call: Call, protocol: str, known: Sequence[str], usual: Sequence[str]) -> None:
    columns = known if call.options.get("verbose") else chosen(call, known, usual)
    call.say(f"Listing {protocol} connections ...")
    rows = [row for row in call.api.get("connections") if row["protocol"].startswith(protocol)]
    call.rows(columns, [with_columns(row, TALKER_OF) for row in rows])


@COMMANDS.add("list_channels [--no-table-headers] [<column> ...]", 0, -1)
def list_channels(call: Call) -> None:
    """Lists channels of all connections."""
    usual = ("pid", "user", "consumer_count", "messages_unacknowledged")
    columns = chosen(call, CHANNEL_COLUMNS, usual)
    call.say("Listing channels ...")
    call.rows(columns, [with_columns(row, CHANNEL_OF) for row in call.api.get("channels")])


@COMMANDS.add("list_consumers [--vhost <vhost>] [--no-table-headers] [<column> ...]", 0, -1)
def list_consumers(call: Call) -> None:
    """Lists consumers of a virtual host."""
    usual = tuple(each for each in CONSUMER_COLUMNS if each != "activity_status")
    columns = chosen(call, CONSUMER_COLUMNS, usual)
    call.say(f"Listing consumers in vhost {call.vhost} ...")
    found = call.api.find("consumers", call.vhost) or []
    call.rows(columns, [with_columns(row, CONSUMER_OF) for row in found])


@COMMANDS.add("list_vhosts [--no-table-headers] [<column> ...]", 0, -1)
def list_vhosts(call: Call) -> None:
    """Lists virtual hosts."""
    columns = chosen(call, VHOST_COLUMNS, ("name",))
    call.say("Listing vhosts ...")
    call.rows(columns, [with_columns(row, VHOST_OF) for row in call.api.get("vhosts")])


# --- within --------------------------------------------------------------------------------

Derived = Mapping[str, Callable[[Row], Any]]


def chosen(call: Call, known: Sequence[str], usual: Sequence[str]) -> Sequence[str]:
    """Return the columns that are wanted; with commas or blanks between, as both are scripted."""
    wanted = [name for word in call.words for name in word.split(",") if name]
    if unknown := [name for name in wanted if name not in known]:
        raise BadUsage(f"Info key(s) {','.join(unknown)} are not supported")
    return wanted or usual


def with_columns(row: Row, derived: Derived) -> Row:
    """Add what RabbitMQ calls otherwise."""
    return {**row, **{name: make(row) for name, make in derived.items()}}


def connection_pid(row: Row) -> str:
    """Return what stands for the id of Erlang's process: without blanks, for awk."""
    return f"<{row.get('node', '')}.{row.get('peer_host', '')}:{row.get('peer_port', '')}>"


def _channel_pid(details: Row, number: object, node: object = "") -> str:
    where = f"{details.get('peer_host', '')}:{details.get('peer_port', '')}"
    return f"<{node or details.get('node', '')}.{where}.{number}>"


QUEUE_OF: Derived = {
    "arguments": lambda row: dict(sorted(row["arguments"].items())),
    "owner_pid": lambda row: (
        connection_pid(row["owner_pid_details"]) if row.get("owner_pid_details") else ""
    ),
    "policy": lambda row: row.get("policy") or "",
    "operator_policy": lambda row: row.get("operator_policy") or "",
}
BINDING_OF: Derived = {
    "source_name": lambda row: row["source"],
    "source_kind": lambda row: "exchange",
    "destination_name": lambda row: row["destination"],
    "destination_kind": lambda row: row["destination_type"],
}
CONNECTION_OF: Derived = {
    "pid": connection_pid,
    "peer_host": lambda row: Address(row.get("peer_host") or ""),
    "host": lambda row: Address(row.get("host") or ""),
    "protocol": lambda row: Protocol(row.get("protocol") or ""),
}
TALKER_OF: Derived = {
    **CONNECTION_OF,
    "conn_name": lambda row: row["name"],
    "peer_addr": lambda row: Address(row.get("peer_host") or ""),
    "connection": connection_pid,
    "connection_state": lambda row: row["state"],
    "auth_login": lambda row: row["user"],
    "prefetch": lambda row: row.get("in_flight_max", ""),
}
CHANNEL_OF: Derived = {
    "pid": lambda row: _channel_pid(row["connection_details"], row["number"], row.get("node")),
    "connection": lambda row: connection_pid({**row["connection_details"], "node": row["node"]}),
}
CONSUMER_OF: Derived = {
    "queue_name": lambda row: row["queue"]["name"],
    "channel_pid": lambda row: _channel_pid(
        row["channel_details"], row["channel_details"].get("number", "")
    ),
}
VHOST_OF: Derived = {"tags": lambda row: Tags(row.get("tags") or ())}

"""rabbitmq-diagnostics: is all well? The exit status says it."""

import socket

import msgspec

from anymq.cli.api import ApiRefused
from anymq.cli.rabbitmq_tools.call import NUMBER, TEXT, BadUsage, Bare, Call, Commands, Exit, Failed
from anymq.cli.rabbitmq_tools.nodes import UNITS, alarm_lines, listener_lines, listeners

COMMANDS = Commands()
CONNECT_SECONDS = 5.0
RUNNING = "is fully booted and running"
ANY_ADDRESS = ("0.0.0.0", "::", "")


def _said(call: Call, text: str, **document: object) -> None:
    """Write the result, for a person or a program."""
    if call.formatter == "json":
        call.print(msgspec.json.encode({"result": "ok", **document}).decode())
    elif text and not call.options.get("silent"):
        call.print(text)


def _check(call: Call, *path: str) -> str | None:
    """Ask a health check; return why it failed."""
    try:
        call.api.get("health", "checks", *path)
    except ApiRefused as refused:
        if refused.status == 503:
            return refused.reason
        raise
    return None


@COMMANDS.add("check_running")
def check_running(call: Call) -> None:
    """Fails unless the node runs."""
    node = call.node
    call.say(f"Checking if RabbitMQ is running on node {node} ...")
    _said(call, f"RabbitMQ on node {node} {RUNNING}")


@COMMANDS.add("is_running")
def is_running(call: Call) -> None:
    """Fails unless the node runs."""
    node = call.node
    call.say(f"Asking node {node} for its status ...")
    text = f"RabbitMQ on node {node} {RUNNING}"
    _said(call, text, result=True, message=text)


@COMMANDS.add("is_booting")
def is_booting(call: Call) -> None:
    """Says no: what answers has booted."""
    node = call.node
    call.say(f"Asking node {node} for its boot status ...")
    other = "(check with is_running), stopped or has not started booting yet"
    text = f"RabbitMQ on node {node} is fully booted {other}"
    _said(call, text, result=False, message=text)


@COMMANDS.add("server_version")
def server_version(call: Call) -> None:
    """Shows the version of RabbitMQ whose behaviour this is."""
    call.say(f"Asking node {call.node} for its RabbitMQ version...")
    _said(call, call.overview["rabbitmq_version"], value=call.overview["rabbitmq_version"])


@COMMANDS.add("check_alarms")
def check_alarms(call: Call) -> None:
    """Fails while an alarm of memory or disk is in effect."""
    call.say(f"Asking node {call.node} to report any local resource alarms ...")
    _check_alarms(call, "alarms, local or clusterwide")


@COMMANDS.add("check_local_alarms")
def check_local_alarms(call: Call) -> None:
    """Fails while an alarm is in effect here."""
    call.say(f"Asking node {call.node} to report any local resource alarms ...")
    _check_alarms(call, "local alarms")


def _check_alarms(call: Call, kind: str) -> None:
    if lines := alarm_lines(call):
        raise Bare(Exit.UNAVAILABLE, "\n".join(lines))
    _said(call, f"Node {call.node} reported no {kind}")


@COMMANDS.add("alarms")
def alarms(call: Call) -> None:
    """Shows alarms."""
    call.say(f"Asking node {call.node} to report any known resource alarms ...")
    lines = alarm_lines(call)
    text = "\n".join(lines) or f"Node {call.node} reported no alarms, local or clusterwide"
    _said(call, text, node=call.node, alarms=lines)


@COMMANDS.add("listeners")
def show_listeners(call: Call) -> None:
    """Shows where clients are awaited."""
    call.say(f"Asking node {call.node} to report its protocol listeners ...")
    text = "\n".join(f"Interface: {each}" for each in listener_lines(call))
    if call.formatter == "csv":
        call.rows(("node", "interface", "port", "protocol", "purpose"), listeners(call))
        return
    _said(call, text, node=call.node, listeners=listeners(call))


@COMMANDS.add("check_port_connectivity [--address <target address>]", address=TEXT)
def check_port_connectivity(call: Call) -> None:
    """Fails unless every listener can be connected to from here."""
    address = call.options.get("address")
    using = f"{address} for node IP address" if address else "hostname resolution"
    what = f"TCP connections to all active listeners on node {call.node}"
    call.say(f"Testing {what} using {using} ...")
    found = listeners(call)
    failed = [str(one["port"]) for one in found if not _connects(call, address, one)]
    if failed:
        text = f"Connection to ports of the following listeners on node {call.node} failed: "
        raise Failed(Exit.UNAVAILABLE, text + ", ".join(failed))
    ports = ", ".join(map(str, sorted(one["port"] for one in found)))
    using = f"{address} for target IP address" if address else "node hostname resolution"
    done = f"Successfully connected to ports {ports} on node {call.node} (using {using})"
    _said(call, done, node=call.node, listeners=found)


def _connects(call: Call, address: str | None, one: dict[str, object]) -> bool:
    host = address or str(one["interface"])
    host, port = call.api.target.host if host in ANY_ADDRESS else host, one["port"]
    assert isinstance(port, int)
    call.say(f"Will connect to {host}:{port}")
    try:
        socket.create_connection((host, port), CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


@COMMANDS.add("check_port_listener <port>", 1)
def check_port_listener(call: Call) -> None:
    """Fails unless somebody listens at a port."""
    node, word = call.node, call.words[0]
    if not word.isdecimal():
        raise BadUsage(f"{word} is no port")
    call.say(f"Asking node {node} if there's an active listener on port {word} ...")
    if _check(call, "port-listener", word) is not None:
        ports = ", ".join(map(str, sorted(one["port"] for one in listeners(call))))
        text = f"No listener for port {word} is active on node {node}. "
        raise Bare(Exit.UNAVAILABLE, f"{text}Found listeners that use the following ports: {ports}")
    _said(call, f"A listener for port {word} is running on node {node}.", port=int(word))


@COMMANDS.add("check_protocol_listener <protocol>", 1)
def check_protocol_listener(call: Call) -> None:
    """Fails unless somebody speaks a protocol."""
    node, word = call.node, call.words[0]
    call.say(f"Asking node {node} if there's an active listener for protocol {word} ...")
    if _check(call, "protocol-listener", word) is not None:
        protocols = ", ".join(sorted({one["protocol"] for one in listeners(call)}))
        text = f"No listener for protocol {word} is active on node {node}. "
        raise Failed(
            Exit.UNAVAILABLE, f"{text}Found listeners for the following protocols: {protocols}"
        )
    _said(call, f"A listener for protocol {word} is running on node {node}.", protocol=word)


@COMMANDS.add("check_virtual_hosts")
def check_virtual_hosts(call: Call) -> None:
    """Fails unless all virtual hosts run."""
    call.say(f"Checking if all vhosts are running on node {call.node} ...")
    if (reason := _check(call, "virtual-hosts")) is not None:
        raise Failed(Exit.UNAVAILABLE, reason)
    _said(call, f"Node {call.node} reported all vhosts as running")


@COMMANDS.add(
    "check_certificate_expiration [--within <number>] [--unit <unit>]", within=NUMBER, unit=TEXT
)
def check_certificate_expiration(call: Call) -> None:
    """Fails if a certificate of the node ends within this time (4 weeks)."""
    within, unit = int(call.options.get("within", 4)), str(call.options.get("unit", "weeks"))
    call.say(f"Checking if any certificates expire within {within} {unit} on {call.node} ...")
    if (reason := _check(call, "certificate-expiration", str(within), unit)) is not None:
        raise Failed(Exit.UNAVAILABLE, reason)
    _said(call, "No certificates expire soon")


@COMMANDS.add("check_if_node_is_quorum_critical")
def check_if_node_is_quorum_critical(call: Call) -> None:
    """Fails if a queue would lose its majority without this node: not with one node."""
    node = call.node
    call.say(f"Checking if node {node} is critical for quorum of any quorum queues ...")
    if (reason := _check(call, "node-is-quorum-critical")) is not None:
        raise Failed(Exit.UNAVAILABLE, reason)
    _said(call, f"Node {node} reported no critical quorum queues")


@COMMANDS.add("memory_breakdown [--unit <unit>]", unit=TEXT)
def memory_breakdown(call: Call) -> None:
    """Shows how much memory the process has; of one piece, as Python's is."""
    unit = str(call.options.get("unit", "gb")).lower()
    if unit not in UNITS:
        raise BadUsage(f"unit '{unit}' is not supported. Please use one of: bytes, mb, gb")
    call.say(f"Reporting memory breakdown on node {call.node}...")
    used = call.api.get("nodes")[0]["mem_used"]
    total = {"bytes": used, "percentage": 100.0}
    if call.formatter == "json":
        call.print(msgspec.json.encode({"total": total}).decode())
        return
    call.print(f"total: {round(used / UNITS[unit], 4)} {unit} (100.0%)")


@COMMANDS.add("erlang_version")
def erlang_version(call: Call) -> None:
    """Shows that there is none."""
    call.say(f"Asking node {call.node} for its Erlang/OTP version...")
    _said(call, call.overview["erlang_full_version"], value=call.overview["erlang_full_version"])


@COMMANDS.add("check_if_any_deprecated_features_are_used")
def check_if_any_deprecated_features_are_used(call: Call) -> None:
    """Fails if one is in use."""
    call.say(f"Checking if any deprecated features are used on node {call.node} ...")
    if used := call.api.get("deprecated-features", "used"):
        raise Failed(Exit.UNAVAILABLE, ", ".join(one["name"] for one in used))
    _said(call, "No deprecated features are used")

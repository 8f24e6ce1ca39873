"""rabbitmqctl: the node, its limits, what it can."""

from collections.abc import Iterator
from typing import Any

import anymq
from anymq.cli.api import ApiRefused, Unreachable
from anymq.cli.rabbitmq_tools.call import (
    BOOLEAN,
    NUMBER,
    TEXT,
    BadUsage,
    Call,
    Commands,
    Exit,
    Failed,
)

COMMANDS = Commands()
UNITS = {"bytes": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}
PURPOSES = {
    "amqp": "AMQP 0-9-1",
    "amqp/ssl": "AMQP 0-9-1 over TLS",
    "http": "HTTP API",
    "https": "HTTPS API",
    "kafka": "Kafka",
}
RETRY_SECONDS = 0.5


@COMMANDS.add("status [--unit <unit>]", unit=TEXT)
def status(call: Call) -> None:
    """Shows what the node is, has and listens to."""
    unit = _unit(call)
    call.say(f"Status of node {call.node} ...")
    call.print("\n".join(_status(call, unit)))


def _unit(call: Call) -> str:
    unit = str(call.options.get("unit", "gb")).lower()
    if unit not in UNITS:
        raise BadUsage(f"unit '{unit}' is not supported. Please use one of: bytes, mb, gb")
    return unit


def _status(call: Call, unit: str) -> Iterator[str]:
    overview, (node, *_) = call.overview, call.api.get("nodes")

    def size(value: float) -> str:
        return f"{round(value / UNITS[unit], 4)} {unit}"

    yield from ("Runtime", "", f"OS PID: {node['os_pid']}", "OS: Linux")
    yield f"Uptime (seconds): {node['uptime'] // 1000}"
    yield f"Is under maintenance?: {str(node['being_drained']).lower()}"
    yield f"RabbitMQ version: {overview['rabbitmq_version']}"
    yield f"anymq version: {overview['product_version']}"
    yield f"Node name: {call.node}"
    yield f"Erlang configuration: {overview['erlang_full_version']}"
    yield from _chapter("Plugins", ["Enabled plugins:", ""])
    yield from _chapter("Data directory", [f"Node data directory: {node['db_dir']}"])
    yield from _chapter("Alarms", alarm_lines(call) or ["(none)"])
    yield from _chapter(
        "Memory",
        [
            f"Total memory used: {size(node['mem_used'])}",
            f"Calculation strategy: {node['mem_calculation_strategy']}",
            f"Memory high watermark setting: computed to: {size(node['mem_limit'])}",
        ],
    )
    yield from _chapter(
        "Free Disk Space",
        [
            f"Low free disk space watermark: {size(node['disk_free_limit'])}",
            f"Free disk space: {size(node['disk_free'])}",
        ],
    )
    totals = overview["object_totals"]
    yield from _chapter(
        "Totals",
        [
            f"Connection count: {totals['connections']}",
            f"Queue count: {totals['queues']}",
            f"Virtual host count: {len(call.api.get('vhosts'))}",
        ],
    )
    yield from _chapter("Listeners", [f"Interface: {each}" for each in listener_lines(call)])


def _chapter(title: str, lines: list[str]) -> list[str]:
    return ["", title, "", *lines]


def listeners(call: Call) -> list[dict[str, Any]]:
    """Return them as RabbitMQ's tools say them."""
    return [
        {
            "node": each["node"],
            "interface": each["ip_address"],
            "port": each["port"],
            "protocol": each["protocol"],
            "purpose": PURPOSES.get(each["protocol"], each["protocol"]),
        }
        for each in call.overview["listeners"]
    ]


def listener_lines(call: Call) -> list[str]:
    """Write them for a person."""
    return [
        f"{one['interface']}, port: {one['port']}, protocol: {one['protocol']},"
        f" purpose: {one['purpose']}"
        for one in listeners(call)
    ]


def alarm_lines(call: Call) -> list[str]:
    """Write what alarms are in effect."""
    from anymq.cli.operate.alarms import alarms

    names = {"memory": "Memory alarm", "disk": "Free disk space alarm"}
    return [
        f"{names.get(each['resource'], each['resource'])} on node {each['node']}"
        for each in alarms(call.api)
    ]


@COMMANDS.add("cluster_status")
def cluster_status(call: Call) -> None:
    """Shows the cluster: one node, so far."""
    call.say(f"Cluster status of node {call.node} ...")
    if call.formatter == "json":
        import msgspec

        call.print(msgspec.json.encode(_cluster(call)).decode())
        return
    call.print("\n".join(_cluster_lines(call)))


def _cluster(call: Call) -> dict[str, Any]:
    node = call.node
    return {
        "cluster_name": call.overview["cluster_name"],
        "disk_nodes": [node],
        "ram_nodes": [],
        "running_nodes": [node],
        "versions": {node: {"rabbitmq_version": call.overview["rabbitmq_version"]}},
        "maintenance_status": {node: "not under maintenance"},
        "alarms": alarm_lines(call),
        "partitions": {},
        "listeners": {node: listeners(call)},
        "feature_flags": call.api.find("feature-flags") or [],
    }


def _cluster_lines(call: Call) -> Iterator[str]:
    node = call.node
    yield from ("Basics", "", f"Cluster name: {call.overview['cluster_name']}")
    yield from _chapter("Disk Nodes", [node])
    yield from _chapter("Running Nodes", [node])
    version = f"{node}: RabbitMQ {call.overview['rabbitmq_version']} on anymq {anymq.__version__}"
    yield from _chapter("Versions", [version])
    maintenance = f"Node: {node}, status: not under maintenance"
    yield from _chapter("Maintenance status", [maintenance])
    yield from _chapter("Alarms", alarm_lines(call) or ["(none)"])
    yield from _chapter("Network Partitions", ["(none)"])
    found = [f"Node: {node}, interface: {each}" for each in listener_lines(call)]
    yield from _chapter("Listeners", found)
    flags = call.api.find("feature-flags") or []
    shown = [f"Flag: {one['name']}, state: {one['state']}" for one in flags]
    yield from _chapter("Feature flags", shown or ["(none)"])


@COMMANDS.add("ping")
def ping(call: Call) -> None:
    """Asks whether the node answers."""
    milliseconds = int(float(call.options.get("timeout", 60.0)) * 1000)
    call.api.get("version")
    call.say(f"Will ping {call.node}. Timeout: {milliseconds} ms.")
    call.print("Ping succeeded")


@COMMANDS.add("await_startup")
def await_startup(call: Call) -> None:
    """Waits until the node takes clients, at most --timeout seconds (300)."""
    import time

    end = time.monotonic() + float(call.options.get("timeout", 300.0))
    while True:
        try:
            call.api.get("health", "checks", "ready-to-serve-clients")
        except (Unreachable, ApiRefused) as error:
            if time.monotonic() > end:
                raise Failed(Exit.UNAVAILABLE, f"it has not started in time: {error}") from None
            time.sleep(RETRY_SECONDS)
        else:
            return


@COMMANDS.add("wait [<pidfile>] [--pid|-P <pid>]", 0, 1, letters={"P": "pid"}, pid=NUMBER)
def wait(call: Call) -> None:
    """Waits until the node takes clients; which process it is does not matter."""
    await_startup(call)


@COMMANDS.add("await_online_nodes <count>", 1)
def await_online_nodes(call: Call) -> None:
    """Waits for nodes; there is one."""
    if call.words[0] != "1":
        raise Failed(Exit.UNAVAILABLE, "there is one node: clusters are not there yet")
    await_startup(call)


@COMMANDS.add("version")
def version(call: Call) -> None:
    """Shows the version of RabbitMQ whose tool this stands for."""
    from anymq.protocols.amqp.conversation import COMPAT_VERSION

    call.print(COMPAT_VERSION)


@COMMANDS.add("rotate_logs")
def rotate_logs(call: Call) -> None:
    """Does nothing: the log goes to standard error, others rotate it."""
    raise Failed(Exit.UNAVAILABLE, "This command does not rotate logs anymore [deprecated]")


@COMMANDS.add("environment")
def environment(call: Call) -> None:
    """Shows the settings that are in effect."""
    import msgspec

    call.say(f"Application environment of node {call.node} ...")
    found = call.api.get("config", "effective")
    call.print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())


@COMMANDS.add("report")
def report(call: Call) -> None:
    """Shows status and lists, all in one, for those who help you."""
    from anymq.cli.rabbitmq_tools import access, listing, policies

    call.say(f"Reporting server status of node {call.node} ...", "")
    call.options["timeout"] = 60.0
    for do in (status, cluster_status, access.list_users, listing.list_vhosts):
        do(call)
        call.print("")
    for row in call.api.get("vhosts"):
        call.options["vhost"] = row["name"]
        for do in (
            *(listing.list_queues, listing.list_exchanges, listing.list_consumers),
            *(access.list_permissions, policies.list_policies),
        ):
            do(call)
            call.print("")


# --- what is set -----------------------------------------------------------------------------


@COMMANDS.add("set_cluster_name <name>", 1, also="rename_cluster")
def set_cluster_name(call: Call) -> None:
    """Names the cluster."""
    call.say(f"Setting cluster name to {call.words[0]} ...")
    call.api.put("cluster-name", body={"name": call.words[0]})


@COMMANDS.add("set_vm_memory_high_watermark <fraction> | absolute <value>", 1, 2)
def set_vm_memory_high_watermark(call: Call) -> None:
    """Sets from how much memory on publishers wait, until the node is started again."""
    kind, value = _threshold(call, "relative")
    shown = f"{value} bytes" if kind == "absolute" else value
    call.say(f"Setting memory threshold on {call.node} to {shown} ...")
    call.api.put("watermarks", body={"memory_high_watermark": {kind: value}})


@COMMANDS.add("set_disk_free_limit <disk_limit> | mem_relative <fraction>", 1, 2)
def set_disk_free_limit(call: Call) -> None:
    """Sets below how much free disk publishers wait, until the node is started again."""
    if call.words[0] == "mem_relative":
        kind, value = _threshold(call, "mem_relative")
        call.say(f"Setting disk free limit on {call.node} to {value} times the total RAM ...")
    elif len(call.words) > 1:
        raise BadUsage("two words: the first is mem_relative")
    else:
        kind, value = "absolute", call.words[0]
        call.say(f"Setting disk free limit on {call.node} to {value} bytes ...")
    call.api.put("watermarks", body={"disk_free_limit": {kind: value}})


def _threshold(call: Call, share: str) -> tuple[str, str | float]:
    """Return which threshold is meant: a size, or a share of the memory."""
    words = list(call.words)
    if words[0] in ("absolute", share):
        kind, value = words[0], words[1] if len(words) > 1 else ""
    else:
        kind, value = share, words[0]
    if kind == "absolute":
        return kind, value
    try:
        return kind, float(value)
    except ValueError:
        raise BadUsage("the fraction is a number, as 0.6 is", Exit.DATA) from None


@COMMANDS.add("set_log_level <log_level>", 1)
def set_log_level(call: Call) -> None:
    """Sets how much is logged, until the node is started again."""
    call.say(f'Setting log level to "{call.words[0]}" ...')
    call.api.put("log-level", body={"level": call.words[0]})


@COMMANDS.add("list_feature_flags [<column> ...]", 0, -1)
def list_feature_flags(call: Call) -> None:
    """Lists feature flags: all are enabled."""
    call.say("Listing feature flags ...")
    known = ("name", "state", "stability", "provided_by", "desc", "doc_url", "require_level")
    wanted = [each for word in call.words for each in word.split(",")] or ["name", "state"]
    if unknown := [each for each in wanted if each not in known]:
        raise BadUsage(f"Info key(s) {','.join(unknown)} are not supported")
    call.rows(wanted, call.api.get("feature-flags"))


@COMMANDS.add(
    "enable_feature_flag [--opt-in] <all | feature_flag>",
    1,
    opt_in=BOOLEAN,
    experimental=BOOLEAN,
)
def enable_feature_flag(call: Call) -> None:
    """Does nothing: all that there are are enabled."""
    name = call.words[0]
    what = "all feature flags" if name == "all" else f'feature flag "{name}"'
    call.say(f"Enabling {what} ...")
    known = {one["name"] for one in call.api.get("feature-flags")}
    if name not in known and name != "all":
        raise Failed(Exit.USAGE, f"This feature flag is not supported by node {call.node}")


@COMMANDS.add("list_deprecated_features [--used] [<column> ...]", 0, -1, used=BOOLEAN)
def list_deprecated_features(call: Call) -> None:
    """Lists deprecated features."""
    used = bool(call.options.get("used"))
    call.say(f"Listing deprecated features{' in use' if used else ''} ...")
    path = ("deprecated-features", "used") if used else ("deprecated-features",)
    call.rows(call.words or ("name", "deprecation_phase"), call.api.get(*path))


@COMMANDS.add("force_gc")
def force_gc(call: Call) -> None:
    """Does nothing: there is nothing of Erlang's to collect."""


@COMMANDS.add("node_health_check")
def node_health_check(call: Call) -> None:
    """Does nothing, as with RabbitMQ."""
    call.say("This command is DEPRECATED and is a no-op. It will be removed in a future version.")


@COMMANDS.add("start_app")
def start_app(call: Call) -> None:
    """Does nothing while the node runs: it has no application apart from itself."""
    call.say(f"Starting node {call.node} ...")

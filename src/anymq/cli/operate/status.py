"""`anymq status`: the broker at a glance. `anymq alarms`: what is wrong, as an exit status too."""

import argparse
from collections.abc import Iterator
from typing import Any

from anymq.cli.api import Api, connect
from anymq.cli.api.target import add_target_flags
from anymq.cli.output import print_json, size_text


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--json", action="store_true", help="for programs")
    add_target_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    with connect(arguments) as api:
        overview = api.get("overview")
        node = _node(api)
    if arguments.json:
        print_json({"overview": overview, "node": node})
        return 0
    for line in _lines(api, overview, node):
        print(line)
    return 0


def _node(api: Api) -> dict[str, Any] | None:
    """Ask for the machine's part, which only monitoring users are shown."""
    from anymq.cli.api import ApiRefused

    try:
        nodes: list[dict[str, Any]] = api.get("nodes")
    except ApiRefused:
        return None
    return nodes[0]


def _lines(api: Api, overview: dict[str, Any], node: dict[str, Any] | None) -> Iterator[str]:
    product = f"{overview['product_name']} {overview['product_version']}"
    yield f"{product} at {api.target.url}, node {overview['node']}"
    if node is not None:
        yield from _machine(node)
    yield ""
    yield "objects    " + _counts(overview["object_totals"])
    totals = {key: overview["queue_totals"].get(key, 0) for key in MESSAGES}
    yield "messages   " + ", ".join(f"{totals[key]:,} {word}" for key, word in MESSAGES.items())
    yield "listening  " + ", ".join(
        f"{each['protocol']} {each['ip_address']}:{each['port']}" for each in overview["listeners"]
    )


MESSAGES = {
    "messages": "in queues",
    "messages_ready": "ready",
    "messages_unacknowledged": "unacknowledged",
}


def _machine(node: dict[str, Any]) -> Iterator[str]:
    up = duration(node["uptime"] / 1000)
    yield f"up {up}, process {node['os_pid']}, data in {node['db_dir']}"
    memory, disk = size_text(node["mem_used"]), size_text(node["disk_free"])
    yield (
        f"memory {memory} of {size_text(node['mem_limit'])}{_alarm(node['mem_alarm'])},"
        f" disk free {disk} (alarm below {size_text(node['disk_free_limit'])})"
        f"{_alarm(node['disk_free_alarm'])}, files {node['fd_used']} of {node['fd_total']}"
    )


def _alarm(is_on: bool) -> str:
    return " ALARM: publishers are blocked" if is_on else ""


def _counts(totals: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in totals.items())


def duration(seconds: float) -> str:
    """Write how long, in the two largest units."""
    left = int(seconds)
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if left >= size or (unit == "s" and not parts):
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2])

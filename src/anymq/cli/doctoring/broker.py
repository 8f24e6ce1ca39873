"""The broker that runs: what it says of itself, and what that means."""

import os
from collections.abc import Iterable
from typing import Any

from anymq.cli.api import Api
from anymq.cli.api.target import URL_VARIABLE, target_of
from anymq.cli.doctoring.finding import Finding, Findings, Verdict
from anymq.cli.errors import CommandFailed
from anymq.cli.operate.alarms import ADVICE, alarms
from anymq.config.model import Settings

NEARLY = 0.8  # of a limit
MANY_MESSAGES = 100_000
NAMED = 5  # things in one line


def check(settings: Settings) -> Findings:
    """Ask it; only with --ask."""
    url = None
    if not os.environ.get(URL_VARIABLE) and settings.management.port:
        url = f"http://127.0.0.1:{settings.management.port}"
    try:
        with Api(target_of({"url": url}, os.environ)) as api:
            yield from findings(api)
    except CommandFailed as error:
        yield Finding(Verdict.BROKEN, f"the broker cannot be asked: {error}")


def findings(api: Api) -> Findings:
    """Look at all that may be wrong with a broker that runs."""
    yield Finding(Verdict.FINE, f"a broker answers at {api.target.url}")
    yield from _alarms(api)
    yield from _limits(api.get("nodes")[0])
    yield from _queues(api.get("queues"))


def _alarms(api: Api) -> Findings:
    for alarm in alarms(api):
        resource = alarm["resource"]
        yield Finding(Verdict.BROKEN, f"alarm: {resource}", ADVICE.get(resource, "see the log"))


def _limits(node: dict[str, Any]) -> Findings:
    for used, most, what, advice in (
        ("fd_used", "fd_total", "the files and sockets", "raise ulimit -n, or LimitNOFILE"),
        ("sockets_used", "sockets_total", "the connections", "raise limits.connections_max"),
        (
            "mem_used",
            "mem_limit",
            "the memory",
            "consume, or raise limits.memory_alarm_bytes; above it publishers wait",
        ),
    ):
        if node[most] and node[used] > NEARLY * node[most]:
            share = f"{node[used] / node[most]:.0%} of {what} that there may be"
            yield Finding(Verdict.DOUBTFUL, share, advice)


def _queues(queues: list[dict[str, Any]]) -> Findings:
    waiting = [one for one in queues if one.get("messages_ready", 0) > 0]
    left = [one for one in waiting if not one.get("consumers") and one.get("type") != "stream"]
    if many := [one for one in left if one["messages_ready"] >= MANY_MESSAGES]:
        advice = "start who consumes them, give them a limit (a policy), or delete them"
        yield Finding(Verdict.DOUBTFUL, f"nobody takes what waits in {_names(many)}", advice)
    stuck = [one for one in queues if _is_stuck(one)]
    if stuck:
        advice = "their consumers have all they may have, and acknowledge nothing: look at them"
        yield Finding(
            Verdict.DOUBTFUL, f"messages wait, none is acknowledged: {_names(stuck)}", advice
        )
    if not many and not stuck:
        yield Finding(Verdict.FINE, f"{len(queues)} queues, none with a heap that nobody takes")


def _is_stuck(queue: dict[str, Any]) -> bool:
    """Consumers are there, messages wait and are held, and nothing moves."""
    acks = queue.get("message_stats", {}).get("ack", 0)
    held = queue.get("messages_unacknowledged", 0)
    return bool(queue.get("consumers") and queue.get("messages_ready") and held and not acks)


def _names(queues: Iterable[dict[str, Any]]) -> str:
    names = [f"{one['name']!r} of {one['vhost']} ({one['messages_ready']:,})" for one in queues]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more

"""`anymq dead-letters`: what died where and why; send it back."""

import argparse
from typing import Any

from anymq.cli.api import Api, jobs
from anymq.cli.api.actions import Actions, run, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_rows
from anymq.cli.output import tell, time_text

__all__ = ["configure", "run"]

COLUMNS = {
    "vhost": "vhost",
    "queue": "queue",
    "reason": "reason",
    "died in": "origin_queue",
    "published to": "origin_exchange",
    "keys": "routing_keys",
    "messages": "count",
    "oldest": "oldest",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    action = actions.add("list", "dead letters, grouped by why and from where", list_groups)
    vhost_flag(action, everywhere=True)
    add_row_flags(action)
    about = "send those of a queue back to where they died"
    action = actions.add("replay", about, replay, "QUEUE")
    vhost_flag(action)
    action.add_argument("--reason", metavar="REASON", help="rejected, expired, maxlen, …")
    action.add_argument("--died-in", metavar="QUEUE", help="only those that died there")
    action.add_argument("--published-to", metavar="EXCHANGE", help="only those")
    action.add_argument(
        "--through-exchange", action="store_true", help="publish them again, to all that are bound"
    )
    action.add_argument("--limit", type=int, metavar="N", help="at most so many")
    action.add_argument("--no-wait", action="store_true", help="print the job's id, go")


def list_groups(api: Api, arguments: argparse.Namespace) -> None:
    """Print the groups."""
    vhost = () if arguments.vhost is None else (arguments.vhost,)
    found = api.get("dead-letters", *vhost)
    rows: list[dict[str, Any]] = found["groups"]
    if not arguments.json:
        rows = [{**row, "oldest": time_text(row["oldest"])} for row in rows]
    show_rows(rows, COLUMNS, arguments)
    if not found["complete"]:
        tell("there are more: name a virtual host, or look at one queue with `messages search`")


def replay(api: Api, arguments: argparse.Namespace) -> None:
    """Send them back."""
    said = {
        "reason": arguments.reason,
        "queue": arguments.died_in,
        "exchange": arguments.published_to,
    }
    body: dict[str, Any] = {
        "action": "replay",
        "source": {"vhost": arguments.vhost, "queue": arguments.queue},
        "to": "exchange" if arguments.through_exchange else "queue",
    }
    if death := {key: value for key, value in said.items() if value is not None}:
        body["filter"] = {"death": death}
    if arguments.limit is not None:
        body["limit"] = arguments.limit
    ended = jobs.run(api, body, arguments)
    if ended is not None:
        jobs.tell_summary(ended)

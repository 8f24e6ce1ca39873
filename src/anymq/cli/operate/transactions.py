"""`anymq transactions`: half messages that wait for their senders' word: list, commit, rollback."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, run, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_rows
from anymq.cli.output import tell, time_text

__all__ = ["configure", "run"]

COLUMNS = {
    "id": "id",
    "since": "timestamp",
    "group": "group",
    "topic": "topic",
    "transaction": "transaction_id",
    "bytes": "bytes",
    "checks": "checks",
    "state": "state",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    action = actions.add("list", "the oldest first", list_transactions)
    vhost_flag(action)
    action.add_argument("--count", "-n", type=int, default=50, help="so many; default: 50")
    action.add_argument("--after", metavar="ID", help="go on after this one")
    action.add_argument("--group", help="those of this group of producers")
    action.add_argument("--topic", help="those for this topic")
    add_row_flags(action)
    vhost_flag(actions.add("commit", "have some seen, whatever their senders say", commit, "ID…"))
    vhost_flag(actions.add("rollback", "forget some, whatever their senders say", rollback, "ID…"))


def list_transactions(api: Api, arguments: argparse.Namespace) -> None:
    """Print them."""
    found = api.get(
        "transactions",
        arguments.vhost,
        count=arguments.count,
        after=arguments.after,
        group=arguments.group,
        topic=arguments.topic,
    )
    rows = found["transactions"]
    if not arguments.json:
        rows = [{**row, "timestamp": time_text(row["timestamp"])} for row in rows]
    show_rows(rows, COLUMNS, arguments)
    if found["next"] is not None:
        tell(f"there are more: --after {found['next']}")


def commit(api: Api, arguments: argparse.Namespace) -> None:
    """Have them seen."""
    for each in arguments.ids:
        api.post("transactions", arguments.vhost, each, "commit")


def rollback(api: Api, arguments: argparse.Namespace) -> None:
    """Forget them."""
    for each in arguments.ids:
        api.post("transactions", arguments.vhost, each, "rollback")

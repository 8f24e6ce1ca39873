"""`anymq audit`: who changed what, and from where."""

import argparse

from anymq.cli.api import connect
from anymq.cli.api.rows import add_row_flags, show_rows
from anymq.cli.api.target import add_target_flags
from anymq.cli.output import time_text

COLUMNS = {
    "time": "time",
    "user": "user",
    "from": "address",
    "protocol": "protocol",
    "action": "action",
    "kind": "kind",
    "name": "name",
    "outcome": "outcome",
}
FILTERS = ("of", "address", "protocol", "action", "kind")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add("--of", metavar="USER", help="only what this user did")
    add("--address", metavar="ADDRESS", help="only from there")
    add("--protocol", metavar="NAME", help="only by this: http, amqp, kafka")
    add("--action", metavar="ACTION", help="created, changed, deleted, login, logout")
    add("--kind", metavar="KIND", help="only of these: users, queues, policies, …")
    add("--count", "-n", type=int, default=50, metavar="N", help="the newest so many; default: 50")
    add_row_flags(parser)
    add_target_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print it, the newest first."""
    said = vars(arguments)
    asked = {"user" if key == "of" else key: said[key] for key in FILTERS}
    with connect(arguments) as api:
        found = api.get("audit", **asked)[: arguments.count]
    if not arguments.json:
        found = [{**row, "time": time_text(row["timestamp"])} for row in found]
    show_rows(found, COLUMNS, arguments)
    return 0

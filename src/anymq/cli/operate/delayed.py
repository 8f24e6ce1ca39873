"""`anymq delayed`: messages that wait for their time: list, cancel, release."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, run, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_rows
from anymq.cli.output import tell, time_text

__all__ = ["configure", "run"]

COLUMNS = {
    "id": "id",
    "due": "due",
    "exchange": "exchange",
    "key": "routing_key",
    "bytes": "payload_bytes",
    "payload": "payload",
}
SHOWN_BYTES = 200


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    action = actions.add("list", "what is due first comes first", list_delayed)
    vhost_flag(action)
    action.add_argument("--count", "-n", type=int, default=50, help="so many; default: 50")
    action.add_argument("--after", metavar="ID", help="go on after this one")
    add_row_flags(action)
    vhost_flag(actions.add("cancel", "take some away", cancel, "ID…"))
    vhost_flag(actions.add("release", "send some on at once", release, "ID…"))


def list_delayed(api: Api, arguments: argparse.Namespace) -> None:
    """Print them."""
    truncate = None if arguments.json else SHOWN_BYTES
    found = api.get(
        "delayed",
        arguments.vhost,
        count=arguments.count,
        after=arguments.after,
        truncate=truncate,
    )
    rows = found["messages"]
    if not arguments.json:
        rows = [{**row, "due": time_text(row["due"])} for row in rows]
    show_rows(rows, COLUMNS, arguments)
    if found["next"] is not None:
        tell(f"there are more: --after {found['next']}")


def cancel(api: Api, arguments: argparse.Namespace) -> None:
    """Take them away."""
    for each in arguments.ids:
        api.delete("delayed", arguments.vhost, each)


def release(api: Api, arguments: argparse.Namespace) -> None:
    """Send them on."""
    for each in arguments.ids:
        api.post("delayed", arguments.vhost, each, "release")

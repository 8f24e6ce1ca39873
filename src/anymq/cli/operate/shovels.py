"""`anymq shovels`: what brings messages from one broker to another: list, set, restart, delete."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, Listing, run, table_of, vhost_flag
from anymq.cli.api.rows import show_one
from anymq.cli.operate.definitions import read_document

__all__ = ["configure", "run"]

LISTING = Listing(
    "shovels",
    "all shovels, and how they are",
    {
        "vhost": "vhost",
        "name": "name",
        "state": "state",
        "from": "src_uri",
        "to": "dest_uri",
        "forwarded": "forwarded",
        "remaining": "remaining",
        "since": "timestamp",
        "reason": "reason",
    },
    by_vhost=True,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    actions.list(LISTING)
    action = actions.add("show", "what one is told to do; no passwords", show, "NAME")
    vhost_flag(action)
    action.add_argument("--json", action="store_true", help="for programs")
    action = actions.add("set", "make or change one; it begins at once", set_one, "NAME")
    vhost_flag(action)
    action.add_argument(
        "definition", nargs="*", metavar="KEY=VALUE", help="src-queue=orders dest-queue=orders …"
    )
    action.add_argument(
        "--file", metavar="FILE", help='more of them, as JSON; "-" is standard input: for passwords'
    )
    vhost_flag(actions.add("restart", "connect anew, at once", restart, "NAME…"))
    vhost_flag(actions.add("delete", "unmake some", delete, "NAME…"))


def show(api: Api, arguments: argparse.Namespace) -> None:
    """Print it."""
    show_one(api.get("shovels", "vhost", arguments.vhost, arguments.name)["value"], arguments)


def set_one(api: Api, arguments: argparse.Namespace) -> None:
    """Make it be."""
    said = read_document(arguments.file) if arguments.file else {}
    value = {**said, **table_of(arguments.definition)}
    api.put("parameters", "shovel", arguments.vhost, arguments.name, body={"value": value})


def restart(api: Api, arguments: argparse.Namespace) -> None:
    """Begin anew with them."""
    for name in arguments.names:
        api.delete("shovels", "vhost", arguments.vhost, name, "restart")


def delete(api: Api, arguments: argparse.Namespace) -> None:
    """Unmake them."""
    for name in arguments.names:
        api.delete("shovels", "vhost", arguments.vhost, name)

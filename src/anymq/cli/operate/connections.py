"""`anymq connections`: who is there, by any protocol; close them."""

import argparse
from typing import Any

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, Listing, run
from anymq.cli.api.rows import add_row_flags, show_one
from anymq.cli.errors import CommandFailed

__all__ = ["configure", "run"]

LISTING = Listing(
    "connections",
    "all connections",
    {
        "name": "name",
        "client": "user_provided_name",
        "protocol": "protocol",
        "user": "user",
        "vhost": "vhost",
        "channels": "channels",
        "tls": "ssl",
        "state": "state",
    },
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    actions.list(LISTING)
    add_row_flags(actions.add("show", "all there is to say about one", show, "NAME"))
    about = "close them; most clients come back at once"
    action = actions.add("close", about, close)
    action.add_argument("names", nargs="*", metavar="NAME", help="as `list` says it")
    action.add_argument("--of", metavar="USER", help="all of this user")
    action.add_argument("--in-vhost", metavar="NAME", help="all to this virtual host")
    action.add_argument("--all", action="store_true", help="all there are")
    action.add_argument("--reason", metavar="TEXT", help="what the clients are told")


def show(api: Api, arguments: argparse.Namespace) -> None:
    """Print one."""
    show_one(api.get("connections", arguments.name), arguments)


def close(api: Api, arguments: argparse.Namespace) -> None:
    """Close those that are named, or that fit."""
    names = arguments.names or _that_fit(api, arguments)
    for name in names:
        close_one(api, name, arguments.reason)
    if not arguments.names:
        print(f"{len(names)} connections closed")


def close_one(api: Api, name: str, reason: str | None) -> None:
    """Close one; its client is told why."""
    headers = {"X-Reason": reason.encode("ascii", "replace").decode()} if reason else {}
    api.ask("DELETE", ("connections", name), headers=headers)


def _that_fit(api: Api, arguments: argparse.Namespace) -> list[str]:
    if not (arguments.of or arguments.in_vhost or arguments.all):
        raise CommandFailed("which? Name some, or --of USER, --in-vhost NAME, --all")
    rows: list[dict[str, Any]] = api.get("connections")
    return [
        row["name"]
        for row in rows
        if arguments.of in (None, row.get("user"))
        and arguments.in_vhost in (None, row.get("vhost"))
    ]

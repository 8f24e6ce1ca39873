"""`anymq bindings`: list, add, remove."""

import argparse
from typing import Any

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, argument_flag, run, table_of, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_rows
from anymq.cli.errors import CommandFailed

__all__ = ["configure", "run"]

COLUMNS = {
    "vhost": "vhost",
    "source": "source",
    "to": "destination_type",
    "destination": "destination",
    "key": "routing_key",
    "arguments": "arguments",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    action = actions.add("list", "all bindings that somebody made", list_bindings)
    vhost_flag(action, everywhere=True)
    action.add_argument("--source", metavar="EXCHANGE", help="only those from here")
    action.add_argument("--destination", metavar="NAME", help="only those to here")
    action.add_argument("--default", action="store_true", help="those nobody made, too")
    add_row_flags(action)
    for name, about, do in (("add", "make one", add), ("remove", "unmake one", remove)):
        action = actions.add(name, about, do, "SOURCE", "DESTINATION")
        vhost_flag(action)
        action.add_argument("--key", default="", metavar="KEY", help="routing or binding key")
        action.add_argument("--to-exchange", action="store_true", help="DESTINATION is no queue")
        argument_flag(action)


def list_bindings(api: Api, arguments: argparse.Namespace) -> None:
    """Print them; without the ones that every queue has."""
    path = ("bindings",) if arguments.vhost is None else ("bindings", arguments.vhost)
    rows = [
        row
        for row in api.get(*path)
        if (row["source"] or arguments.default)
        and arguments.source in (None, row["source"])
        and arguments.destination in (None, row["destination"])
    ]
    show_rows(rows, COLUMNS, arguments)


def add(api: Api, arguments: argparse.Namespace) -> None:
    """Make it."""
    body = {"routing_key": arguments.key, "arguments": table_of(arguments.argument)}
    api.post(*_path(arguments), body=body)


def remove(api: Api, arguments: argparse.Namespace) -> None:
    """Unmake the one with this key and these arguments."""
    wanted = table_of(arguments.argument)
    for row in api.get(*_path(arguments)):
        if row["routing_key"] == arguments.key and row["arguments"] == wanted:
            api.delete(*_path(arguments), row["properties_key"])
            return
    raise CommandFailed("there is no binding with this key and these arguments")


def _path(arguments: argparse.Namespace) -> tuple[str, ...]:
    kind = "e" if arguments.to_exchange else "q"
    names: Any = (arguments.source, kind, arguments.destination)
    return ("bindings", arguments.vhost, "e", *names)

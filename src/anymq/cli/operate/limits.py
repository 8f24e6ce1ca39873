"""`anymq limits`: how much a virtual host or a user may have."""

import argparse
from typing import Any

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, run, table_of
from anymq.cli.api.rows import add_row_flags, show_rows
from anymq.cli.errors import CommandFailed

__all__ = ["configure", "run"]

PATHS = {"vhost": "vhost-limits", "user": "user-limits"}
COLUMNS = {"of": "of", "name": "name", "limit": "limit", "value": "value"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    add_row_flags(actions.add("list", "all limits", list_limits))
    action = actions.add("set", "set some", set_some)
    _whose(action)
    action.add_argument("values", nargs="+", metavar="LIMIT=NUMBER", help="max-connections=10 …")
    action = actions.add("clear", "lift some", clear)
    _whose(action)
    action.add_argument("limits", nargs="+", metavar="LIMIT", help="max-connections …")


def _whose(action: argparse.ArgumentParser) -> None:
    action.add_argument("of", choices=PATHS, help="of what")
    action.add_argument("name", metavar="NAME", help="of which")


def list_limits(api: Api, arguments: argparse.Namespace) -> None:
    """Print them, a line each."""
    rows: list[dict[str, Any]] = []
    for of, path in PATHS.items():
        for each in api.get(path):
            for limit, value in each["value"].items():
                rows.append({"of": of, "name": each[of], "limit": limit, "value": value})
    show_rows(rows, COLUMNS, arguments)


def set_some(api: Api, arguments: argparse.Namespace) -> None:
    """Set them, one after the other."""
    values = table_of(arguments.values)
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise CommandFailed(f"{name}={value} is no number")
    for name, value in values.items():
        api.put(PATHS[arguments.of], arguments.name, name, body={"value": value})


def clear(api: Api, arguments: argparse.Namespace) -> None:
    """Lift them."""
    for name in arguments.limits:
        api.delete(PATHS[arguments.of], arguments.name, name)

"""`anymq exchanges`: list, show, declare, delete."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, Listing, argument_flag, run, table_of, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_one

__all__ = ["configure", "run"]

LISTING = Listing(
    "exchanges",
    "all exchanges",
    {
        "vhost": "vhost",
        "name": "name",
        "type": "type",
        "durable": "durable",
        "auto-delete": "auto_delete",
        "internal": "internal",
        "policy": "policy",
        "arguments": "arguments",
    },
    by_vhost=True,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    actions.list(LISTING)
    action = actions.add("show", "all there is to say about one", show, "NAME")
    vhost_flag(action)
    add_row_flags(action)
    action = actions.add("declare", "make exchanges", declare, "NAME…")
    vhost_flag(action)
    action.add_argument("--type", default="direct", help="default: direct")
    action.add_argument("--transient", action="store_true", help="gone after a restart")
    action.add_argument("--auto-delete", action="store_true", help="gone with its last binding")
    action.add_argument("--internal", action="store_true", help="only other exchanges publish here")
    argument_flag(action)
    action = actions.add("delete", "delete exchanges and their bindings", delete, "NAME…")
    vhost_flag(action)
    action.add_argument("--if-unused", action="store_true", help="only without bindings")


def show(api: Api, arguments: argparse.Namespace) -> None:
    """Print one."""
    show_one(api.get("exchanges", arguments.vhost, arguments.name), arguments)


def declare(api: Api, arguments: argparse.Namespace) -> None:
    """Make them; those that are there already must be the same."""
    body = {
        "type": arguments.type,
        "durable": not arguments.transient,
        "auto_delete": arguments.auto_delete,
        "internal": arguments.internal,
        "arguments": table_of(arguments.argument),
    }
    for name in arguments.names:
        api.put("exchanges", arguments.vhost, name, body=body)


def delete(api: Api, arguments: argparse.Namespace) -> None:
    """Unmake them."""
    only = {"if-unused": arguments.if_unused or None}
    for name in arguments.names:
        api.delete("exchanges", arguments.vhost, name, **only)

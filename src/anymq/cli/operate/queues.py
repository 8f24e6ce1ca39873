"""`anymq queues`: list, show, declare, delete, purge queues and streams."""

import argparse
from typing import Any

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, Listing, argument_flag, run, table_of, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_one

__all__ = ["configure", "run"]

TYPES = ("classic", "quorum", "stream")
LISTING = Listing(
    "queues",
    "all queues and streams",
    {
        "vhost": "vhost",
        "name": "name",
        "type": "type",
        "ready": "messages_ready",
        "unacked": "messages_unacknowledged",
        "messages": "messages",
        "consumers": "consumers",
        "policy": "policy",
        "state": "state",
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
    action = actions.add("declare", "make queues or streams", declare, "NAME…")
    vhost_flag(action)
    action.add_argument("--type", choices=TYPES, help="default: that of the virtual host")
    action.add_argument("--transient", action="store_true", help="gone after a restart")
    action.add_argument("--auto-delete", action="store_true", help="gone with its last consumer")
    argument_flag(action)
    action = actions.add("delete", "delete queues and all their messages", delete, "NAME…")
    vhost_flag(action)
    action.add_argument("--if-empty", action="store_true", help="only without messages")
    action.add_argument("--if-unused", action="store_true", help="only without consumers")
    action.add_argument("--if-exists", action="store_true", help="be content if it is not there")
    vhost_flag(actions.add("purge", "drop all messages that wait", purge, "NAME…"))


def show(api: Api, arguments: argparse.Namespace) -> None:
    """Print one."""
    show_one(api.get("queues", arguments.vhost, arguments.name), arguments)


def declare(api: Api, arguments: argparse.Namespace) -> None:
    """Make them; those that are there already must be the same."""
    optional: dict[str, Any] = table_of(arguments.argument)
    if arguments.type:
        optional["x-queue-type"] = arguments.type
    body = {
        "durable": not arguments.transient,
        "auto_delete": arguments.auto_delete,
        "arguments": optional,
    }
    for name in arguments.names:
        api.put("queues", arguments.vhost, name, body=body)


def delete(api: Api, arguments: argparse.Namespace) -> None:
    """Unmake them."""
    only = {"if-empty": arguments.if_empty or None, "if-unused": arguments.if_unused or None}
    for name in arguments.names:
        path = ("queues", arguments.vhost, name)
        if arguments.if_exists and api.find(*path, columns="name") is None:
            continue
        api.delete(*path, **only)


def purge(api: Api, arguments: argparse.Namespace) -> None:
    """Empty them."""
    for name in arguments.names:
        api.delete("queues", arguments.vhost, name, "contents")

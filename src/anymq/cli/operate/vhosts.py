"""`anymq vhosts`: list, add, delete virtual hosts."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, Listing, run

__all__ = ["configure", "run"]

LISTING = Listing(
    "vhosts",
    "all virtual hosts",
    {
        "name": "name",
        "messages": "messages",
        "ready": "messages_ready",
        "default type": "default_queue_type",
        "tags": "tags",
        "description": "description",
    },
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    actions.list(LISTING)
    action = actions.add("add", "make them, or change what is said of them", add, "NAME…")
    action.add_argument("--description", metavar="TEXT", help="for people")
    action.add_argument("--tags", metavar="A,B", help="for people")
    action.add_argument("--default-queue-type", metavar="TYPE", help="classic, quorum, stream")
    action.add_argument(
        "--topic-addresses",
        choices=("on", "off"),
        help="join topics and what is published to amq.topic under their names (on)",
    )
    actions.add("delete", "delete them, with all that is in them", delete, "NAME…")


def add(api: Api, arguments: argparse.Namespace) -> None:
    """Make them; of what is there, what is not said stays as it is."""
    keys = ("description", "tags", "default_queue_type")
    said = {key: getattr(arguments, key) for key in keys if getattr(arguments, key) is not None}
    if arguments.topic_addresses is not None:
        said["topic_addresses"] = arguments.topic_addresses == "on"
    for name in arguments.names:
        there = api.find("vhosts", name) or {}
        kept = {key: there[key] for key in keys if there.get(key)}
        api.put("vhosts", name, body={**kept, **said})


def delete(api: Api, arguments: argparse.Namespace) -> None:
    """Unmake them."""
    for name in arguments.names:
        api.delete("vhosts", name)

"""`anymq permissions`: who may configure, write and read what, by patterns of names."""

import argparse
from typing import Any

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, run, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_rows

__all__ = ["configure", "run"]

NOTHING = "^$"
COLUMNS = {
    "vhost": "vhost",
    "user": "user",
    "configure": "configure",
    "write": "write",
    "read": "read",
}
TOPIC_COLUMNS = {
    "vhost": "vhost",
    "user": "user",
    "exchange": "exchange",
    "write": "write",
    "read": "read",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    for name, about, do in (
        ("list", "who may do what where", list_permissions),
        ("list-topics", "who is limited to which routing keys", list_topics),
    ):
        action = actions.add(name, about, do)
        vhost_flag(action, everywhere=True)
        action.add_argument("--of", metavar="USER", help="only of this user")
        add_row_flags(action)
    action = actions.add("set", "let a user do what matches, and nothing else", set_one, "USER")
    vhost_flag(action)
    _patterns(action, "configure", "write", "read")
    vhost_flag(actions.add("clear", "let a user enter a virtual host no more", clear, "USER"))
    about = "limit a user to routing keys at a topic exchange"
    action = actions.add("set-topic", about, set_topic, "USER", "EXCHANGE")
    vhost_flag(action)
    _patterns(action, "write", "read")
    action = actions.add("clear-topic", "limit a user to routing keys no more", clear_topic, "USER")
    action.add_argument("exchange", nargs="?", metavar="EXCHANGE", help="default: all")
    vhost_flag(action)


def _patterns(action: argparse.ArgumentParser, *names: str) -> None:
    for name in names:
        action.add_argument(
            f"--{name}", default=NOTHING, metavar="PATTERN", help="default: nothing"
        )


def list_permissions(api: Api, arguments: argparse.Namespace) -> None:
    """Print who may do what."""
    show_rows(_rows(api, "permissions", arguments), COLUMNS, arguments)


def list_topics(api: Api, arguments: argparse.Namespace) -> None:
    """Print who is limited."""
    show_rows(_rows(api, "topic-permissions", arguments), TOPIC_COLUMNS, arguments)


def _rows(api: Api, kind: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    return [
        row
        for row in api.get(kind)
        if arguments.vhost in (None, row["vhost"]) and arguments.of in (None, row["user"])
    ]


def set_one(api: Api, arguments: argparse.Namespace) -> None:
    """Say what a user may do."""
    body = {name: getattr(arguments, name) for name in ("configure", "write", "read")}
    api.put("permissions", arguments.vhost, arguments.user_, body=body)


def clear(api: Api, arguments: argparse.Namespace) -> None:
    """Take it back."""
    api.delete("permissions", arguments.vhost, arguments.user_)


def set_topic(api: Api, arguments: argparse.Namespace) -> None:
    """Limit a user."""
    body = {name: getattr(arguments, name) for name in ("exchange", "write", "read")}
    api.put("topic-permissions", arguments.vhost, arguments.user_, body=body)


def clear_topic(api: Api, arguments: argparse.Namespace) -> None:
    """Lift the limit."""
    exchange = () if arguments.exchange is None else (arguments.exchange,)
    api.delete("topic-permissions", arguments.vhost, arguments.user_, *exchange)

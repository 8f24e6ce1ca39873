"""`anymq policies`: what holds for all queues and exchanges whose names match."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, run, table_of, vhost_flag
from anymq.cli.api.rows import add_row_flags, show_rows

__all__ = ["configure", "run"]

USERS, OPERATORS = "policies", "operator-policies"
APPLY_TO = ("all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges")
COLUMNS = {
    "vhost": "vhost",
    "name": "name",
    "pattern": "pattern",
    "apply to": "apply-to",
    "priority": "priority",
    "definition": "definition",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    action = actions.add("list", "all policies", list_policies)
    vhost_flag(action, everywhere=True)
    add_row_flags(action)
    _kind(action)
    action = actions.add("set", "make or change one; it holds at once", set_one, "NAME", "PATTERN")
    action.add_argument("definition", nargs="+", metavar="KEY=VALUE", help="max-length=1000 …")
    vhost_flag(action)
    action.add_argument("--apply-to", choices=APPLY_TO, default="all", help="default: all")
    action.add_argument("--priority", type=int, default=0, help="the highest holds; default: 0")
    _kind(action)
    action = actions.add("clear", "unmake some", clear, "NAME…")
    vhost_flag(action)
    _kind(action)


def _kind(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--operator",
        dest="kind",
        action="store_const",
        const=OPERATORS,
        default=USERS,
        help="those of operators, which limit what the others may say",
    )


def list_policies(api: Api, arguments: argparse.Namespace) -> None:
    """Print them."""
    vhost = () if arguments.vhost is None else (arguments.vhost,)
    show_rows(api.get(arguments.kind, *vhost), COLUMNS, arguments)


def set_one(api: Api, arguments: argparse.Namespace) -> None:
    """Make it be."""
    body = {
        "pattern": arguments.pattern,
        "definition": table_of(arguments.definition),
        "priority": arguments.priority,
        "apply-to": arguments.apply_to,
    }
    api.put(arguments.kind, arguments.vhost, arguments.name, body=body)


def clear(api: Api, arguments: argparse.Namespace) -> None:
    """Unmake them."""
    for name in arguments.names:
        api.delete(arguments.kind, arguments.vhost, name)

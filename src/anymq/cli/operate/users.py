"""`anymq users`: list, add, password, secret, tags, delete.

Passwords are asked for, or come from files.
"""

import argparse
import os
import sys
from typing import Any

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, Listing, run
from anymq.cli.errors import CommandFailed

__all__ = ["configure", "run"]

NEW_PASSWORD_VARIABLE = "ANYMQ_NEW_PASSWORD"
LISTING = Listing("users", "all users", {"name": "name", "tags": "tags", "limits": "limits"})


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    actions.list(LISTING)
    action = actions.add("add", "make a user; permissions come extra", add, "NAME")
    _password_flags(action)
    action.add_argument("--no-password", action="store_true", help="cannot log in by one")
    action.add_argument(
        "--tags", default="", metavar="A,B", help="administrator, monitoring, management, …"
    )
    _password_flags(actions.add("password", "give a user another password", password, "NAME"))
    action = actions.add("secret", "let a user sign requests by a secret", secret, "NAME")
    _password_flags(action)
    action.add_argument("--none", action="store_true", help="let it sign no more")
    action = actions.add("tags", "give a user these tags and no others", set_tags, "NAME")
    action.add_argument("tags", nargs="*", metavar="TAG")
    actions.add("delete", "delete users, with all their rights", delete, "NAME…")


def add(api: Api, arguments: argparse.Namespace) -> None:
    """Make one that is not there yet."""
    if api.find("users", arguments.name) is not None:
        raise CommandFailed(f"there is a user {arguments.name!r} already")
    body: dict[str, Any] = {"tags": arguments.tags}
    if arguments.no_password:
        body["password_hash"] = ""
    else:
        body["password"] = new_password(arguments)
    api.put("users", arguments.name, body=body)


def password(api: Api, arguments: argparse.Namespace) -> None:
    """Change it; the tags stay."""
    tags = api.get("users", arguments.name)["tags"]
    body = {"password": new_password(arguments), "tags": tags}
    api.put("users", arguments.name, body=body)


def secret(api: Api, arguments: argparse.Namespace) -> None:
    """Give a user a secret for signatures, as RocketMQ's clients make them, or take it away."""
    if arguments.none:
        api.delete("users", arguments.name, "signing-secret")
    else:
        body = {"secret": new_password(arguments)}
        api.put("users", arguments.name, "signing-secret", body=body)


def set_tags(api: Api, arguments: argparse.Namespace) -> None:
    """Change them; the password stays."""
    api.get("users", arguments.name)
    api.put("users", arguments.name, body={"tags": list(arguments.tags)})


def delete(api: Api, arguments: argparse.Namespace) -> None:
    """Unmake them."""
    for name in arguments.names:
        api.delete("users", name)


def _password_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--new-password-file",
        metavar="FILE",
        help=f"its first line, - for standard input; or ${NEW_PASSWORD_VARIABLE}; else it is asked",
    )


def new_password(arguments: argparse.Namespace) -> str:
    """Find the password to be, never among the arguments: all users of a machine see those."""
    path = arguments.new_password_file
    if path == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if path:
        from anymq.cli.api.target import line_of

        return line_of(path)
    if (given := os.environ.get(NEW_PASSWORD_VARIABLE)) is not None:
        return given
    return _ask_twice()


def _ask_twice() -> str:
    if not sys.stdin.isatty():
        raise CommandFailed(f"no password: --new-password-file, or {NEW_PASSWORD_VARIABLE}")
    import getpass

    first = getpass.getpass("new password: ")
    if first != getpass.getpass("again: "):
        raise CommandFailed("these were two different passwords")
    return first

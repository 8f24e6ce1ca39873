"""How commands with actions are declared and run, each in a line or two."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from anymq.cli.api import Api, connect
from anymq.cli.api.rows import Columns, add_row_flags, show_rows
from anymq.cli.api.target import add_target_flags
from anymq.cli.errors import CommandFailed

Do = Callable[[Api, argparse.Namespace], None]
VHOST_VARIABLE = "ANYMQ_VHOST"


class Actions:
    """Those of one command."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._all = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(self, name: str, about: str, do: Do, *names: str) -> argparse.ArgumentParser:
        """Declare one; `names` are its positional arguments, "NAME…" takes several."""
        parser = self._all.add_parser(name, help=about, description=about, allow_abbrev=False)
        for each in names:
            several = each.endswith("…")
            word = each.removesuffix("…")
            key = word.lower() + ("s" if several else "")
            key += "_" * (key == "user")  # not to be taken for --user, who asks
            parser.add_argument(key, nargs="+" if several else None, metavar=word)
        parser.set_defaults(do=do)
        add_target_flags(parser)
        return parser

    def list(self, listing: "Listing") -> argparse.ArgumentParser:
        """Declare the one that lists."""
        parser = self.add("list", listing.about, listing.show)
        if listing.by_vhost:
            vhost_flag(parser, everywhere=True)
        parser.add_argument("--name", metavar="TEXT", help="only those with this in their names")
        parser.add_argument("--sort", metavar="COLUMN", help="by this, as the API calls it")
        parser.add_argument("--reverse", action="store_true", help="the other way round")
        add_row_flags(parser)
        return parser


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of the API, and what people want to see of it."""

    path: str
    about: str
    columns: Columns
    by_vhost: bool = False

    def show(self, api: Api, arguments: argparse.Namespace) -> None:
        """Print it."""
        vhost = arguments.vhost if self.by_vhost else None
        path = [self.path] if vhost is None else [self.path, vhost]
        show_rows(self.rows(api, arguments, path), self.columns, arguments)

    def rows(self, api: Api, arguments: argparse.Namespace, path: Sequence[str]) -> list[Any]:
        """Return those that are wanted."""
        found: list[Any] = api.get(*path)
        if arguments.name:
            text = arguments.name.casefold()
            found = [row for row in found if text in str(row.get("name", "")).casefold()]
        if arguments.sort:
            found.sort(key=lambda row: _order(row, arguments.sort))
        return found[::-1] if arguments.reverse else found


def _order(row: Any, key: str) -> tuple[bool, float, str]:
    from anymq.cli.api.rows import value_at

    value = value_at(row, key)
    number = isinstance(value, int | float)
    return (not number, value if number else 0, "" if number else str(value))


def run(arguments: argparse.Namespace) -> int:
    """Run the action that was chosen: what a command's `run` is."""
    with connect(arguments) as api:
        arguments.do(api, arguments)
    return 0


def vhost_flag(parser: argparse.ArgumentParser, *, everywhere: bool = False) -> None:
    """Declare which virtual host."""
    usual = os.environ.get(VHOST_VARIABLE)
    parser.add_argument(
        "--vhost",
        "-p",
        default=usual or (None if everywhere else "/"),
        metavar="NAME",
        help=f"virtual host; or ${VHOST_VARIABLE}; default: {'all' if everywhere else '/'}",
    )


def argument_flag(parser: argparse.ArgumentParser) -> None:
    """Declare optional arguments of what is declared."""
    parser.add_argument(
        "--argument",
        "-a",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="repeatable; numbers, true, false and JSON are understood",
    )


def table_of(words: Sequence[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs; a value is JSON where it can be, else text."""
    return dict(_pair(word) for word in words)


def _pair(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not name or not equals:
        raise CommandFailed(f"{word!r} is not NAME=VALUE")
    return name, value_of(value)


def value_of(text: str) -> Any:
    """Read JSON where it is, else text."""
    import msgspec

    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return text

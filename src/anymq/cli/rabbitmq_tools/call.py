"""One call of rabbitmqctl: its words, its options, what it says and how it ends."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

from anymq.cli.api import Api
from anymq.cli.api.rows import written_for
from anymq.cli.rabbitmq_tools.formats import MACHINE_READABLE, Row, formatted

BOOLEAN, TEXT, NUMBER = "boolean", "text", "number"
Options = dict[str, Any]


class Exit(IntEnum):
    """Exit statuses, which scripts look at: RabbitMQ's, from sysexits.h."""

    OK = 0
    USAGE = 64
    DATA = 65
    NO_USER = 67
    UNAVAILABLE = 69
    SOFTWARE = 70
    CONFIG = 78


class Failed(Exception):
    """It could not be done: a text for standard error, and the exit status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Bare(Failed):
    """The same, with nothing before its text."""


class BadUsage(Exception):
    """The words make no sense; the usage is shown with it."""

    def __init__(self, text: str, status: int = Exit.USAGE) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


@dataclass(frozen=True, slots=True)
class Command:
    """A command, as RabbitMQ's usage describes it."""

    name: str
    usage: str
    do: Callable[["Call"], None]
    least: int
    most: int | None
    switches: Mapping[str, str]
    letters: Mapping[str, str]

    @property
    def about(self) -> str:
        """What it does, in a line."""
        return (self.do.__doc__ or "").strip().partition("\n")[0]


@dataclass(slots=True)
class Commands:
    """Those of one module."""

    all: dict[str, Command] = field(default_factory=dict)

    def add(
        self,
        usage: str,
        least: int = 0,
        most: int | None = None,
        *,
        also: str = "",
        letters: Mapping[str, str] | None = None,
        more: Mapping[str, str] | None = None,
        **switches: str,
    ) -> Callable[[Callable[["Call"], None]], Callable[["Call"], None]]:
        """Declare one: `least` to `most` words (-1: any number); `also` is another name."""
        known = {**switches, **(more or {})}
        top = None if most == -1 else least if most is None else most

        def declare(do: Callable[["Call"], None]) -> Callable[["Call"], None]:
            name = usage.split(maxsplit=1)[0]
            for each in filter(None, (name, also)):
                shown = usage.replace(name, each, 1)
                command = Command(each, shown, do, least, top, known, letters or {})
                self.all[each] = command
            return do

        return declare


@dataclass
class Call:
    """What a command is given."""

    api: Api
    tool: str
    words: Sequence[str]
    options: Options

    @cached_property
    def node(self) -> str:
        """The name of the node, as it says itself."""
        return str(self.overview["node"])

    @cached_property
    def overview(self) -> dict[str, Any]:
        """The broker at a glance."""
        found: dict[str, Any] = self.api.get("overview")
        return found

    @property
    def vhost(self) -> str:
        """The virtual host that is meant."""
        return str(self.options.get("vhost", "/"))

    @property
    def formatter(self) -> str:
        """How rows are to be written."""
        return str(self.options.get("formatter", "table"))

    @property
    def quiet(self) -> bool:
        """Is nothing wanted but what was asked for?"""
        said = self.options
        return bool(said.get("quiet") or said.get("silent")) or self.formatter in MACHINE_READABLE

    def say(self, *lines: str) -> None:
        """Say what is about to be done, or that it is, where that is wanted."""
        if not self.quiet:
            self.print("\n".join(lines))

    def print(self, text: str) -> None:
        """Write what was asked for."""
        print(written_for(sys.stdout, text), flush=True)

    def rows(self, columns: Sequence[str], rows: Sequence[Row], *, at_once: bool = False) -> None:
        """Write a table, in the format that is wanted.

        RabbitMQ writes some lists row by row, others at once: empty ones tell them apart.
        """
        if at_once and not rows:
            print("[]" if self.formatter == "json" else "", flush=True)
            return
        silent = self.options.get("silent", False)
        heads = bool(self.options.get("table_headers", True)) and not silent
        text = formatted(self.formatter, columns, rows, heads=heads)
        if text:
            self.print(text)

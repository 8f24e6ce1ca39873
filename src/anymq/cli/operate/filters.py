"""Which messages: flags that become a filter of the API."""

import argparse
import re
from typing import Any

from anymq.cli.api.actions import value_of
from anymq.cli.errors import CommandFailed

CONDITION = re.compile(r"(?P<name>.+?)(?P<op>!=|<=|>=|\^=|~=|=|<|>)(?P<value>.*)", re.DOTALL)
OPERATORS = {"^=": "starts", "~=": "contains"}
EQUAL_FLAGS = ("routing_key", "exchange", "text", "from", "to", "bytes_min", "bytes_max")


def add_filter_flags(parser: argparse.ArgumentParser) -> None:
    """Declare them; all that are said must hold."""
    add = parser.add_argument_group("which messages (all that is said must hold)").add_argument
    add("--routing-key", "-k", metavar="KEY", help="* stands for anything")
    add("--exchange", "-x", metavar="NAME", help="published there; * stands for anything")
    add("--text", metavar="TEXT", help="the body contains it")
    add("--ignore-case", action="store_true", help="for --text")
    condition = "NAME=VALUE; also != < <= > >= ~= (contains) ^= (starts), NAME (is there), !NAME"
    for flag, about in (
        ("--where", "of a body that is JSON, by path: order.items[0].sku=A-1"),
        ("--header", "of a header"),
        ("--property", "of a property, such as message_id"),
    ):
        add(flag, action="append", default=[], metavar="CONDITION", help=f"{about}; {condition}")
        condition = "as --where"
    add("--from", metavar="TIME", help="came then or later: 2026-01-31T12:00:00Z")
    add("--to", metavar="TIME", help="came before")
    add("--bytes-min", type=int, metavar="N", help="the body is at least so long")
    add("--bytes-max", type=int, metavar="N", help="the body is at most so long")
    add("--redelivered", action="store_true", help="somebody had it before")
    add("--died-of", metavar="REASON", help="rejected, expired, maxlen, delivery_limit")
    add("--died-in", metavar="QUEUE", help="became a dead letter there")


def filter_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the flags say; nothing if they say nothing."""
    said = vars(arguments)
    found = {key: said[key] for key in EQUAL_FLAGS if said.get(key) is not None}
    for key, flag in (("json", "where"), ("headers", "header"), ("properties", "property")):
        if conditions := said[flag]:
            name = "path" if key == "json" else "name"
            found[key] = [condition(text, name) for text in conditions]
    for key in ("ignore_case", "redelivered"):
        if said[key]:
            found[key] = True
    death = {"reason": said["died_of"], "queue": said["died_in"]}
    if death := {key: value for key, value in death.items() if value is not None}:
        found["death"] = death
    return found


def condition(text: str, name: str) -> dict[str, Any]:
    """Read one: a name, an operator, a value, which is JSON if it can be."""
    if found := CONDITION.fullmatch(text):
        op = OPERATORS.get(found["op"], found["op"])
        value = found["value"] if op in ("starts", "contains") else value_of(found["value"])
        return {name: found["name"], "op": op, "value": value}
    if text.startswith("!") and len(text) > 1:
        return {name: text[1:], "op": "missing"}
    if not text:
        raise CommandFailed("a condition is NAME=VALUE, NAME or !NAME")
    return {name: text, "op": "exists"}

"""The page of commands, made of their parsers."""

import argparse
import importlib
from collections.abc import Iterator
from types import ModuleType

from anymq.cli.api import target
from anymq.cli.kafka.connecting import GROUP_TITLE, add_connection_flags
from anymq.cli.main import COMMANDS

# Their flags are the settings, which have a page of their own.
BY_SETTINGS = ("serve", "doctor")
# Those whose flags have a chapter of their own.
TITLES = (GROUP_TITLE, target.GROUP_TITLE)
ALIKE = dict.fromkeys(
    ("rabbitmq-diagnostics", "rabbitmq-queues", "rabbitmq-streams", "rabbitmq-upgrade"),
    "rabbitmqctl",
)


def commands_page() -> str:
    """Describe every command: its actions, its arguments, its flags."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield HEAD
    yield from (f"| [`anymq {name}`](#anymq-{name}) | {about} |" for name, (_, about) in _all())
    yield ""
    for name, (module, about) in _all():
        yield from _command(name, module, about)
    yield CONNECTION_HEAD
    parser = argparse.ArgumentParser()
    add_connection_flags(parser)
    yield from _table(parser, with_connection=True)
    yield API_HEAD
    parser = argparse.ArgumentParser()
    target.add_target_flags(parser)
    yield from _table(parser, with_connection=True)


def _all() -> list[tuple[str, tuple[str, str]]]:
    return list(COMMANDS.items())


def _command(name: str, module: str, about: str) -> Iterator[str]:
    yield f"## anymq {name}\n\n{about[0].upper()}{about[1:]}.\n"
    if name in BY_SETTINGS:
        yield "Its flags are [the settings](settings.md), `--config FILE` and `--data DIR`.\n"
        return
    command = importlib.import_module(module)
    if hasattr(command, "main"):  # has a command line of its own
        yield from _words(name, command)
        return
    parser = argparse.ArgumentParser(f"anymq {name}", add_help=False)
    command.configure(parser)
    actions = [each for each in parser._actions if isinstance(each, _Subparsers)]
    if not actions:
        yield from _parser(parser)
    for each in actions:
        helps = {choice.dest: choice.help for choice in each._choices_actions}
        for action, subparser in each.choices.items():
            yield f"### anymq {name} {action}\n"
            if helps.get(action):
                yield f"{helps[action]}\n"
            yield from _parser(subparser)


def _words(name: str, command: ModuleType) -> Iterator[str]:
    """List what another tool's form takes: once for those that take the same."""
    if name in ALIKE:
        yield f"All commands of [`anymq {ALIKE[name]}`](#anymq-{ALIKE[name]}).\n"
        return
    known = command.completions(name)
    yield "| | |\n|---|---|"
    yield from (f"| `{word}` | {about.rstrip('.')} |" for word, about in sorted(known.items()))
    yield ""


_Subparsers = argparse._SubParsersAction


def _parser(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield from _table(parser, with_connection=False)
    if any(group.title == GROUP_TITLE for group in parser._action_groups):
        yield "Besides, [which broker](#which-broker).\n"
    if any(group.title == target.GROUP_TITLE for group in parser._action_groups):
        yield "Besides, [which HTTP API](#which-http-api).\n"


def _table(parser: argparse.ArgumentParser, with_connection: bool) -> Iterator[str]:
    rows = [
        f"| {_name(action)} | {_help(parser, action)} |"
        for group in parser._action_groups
        if with_connection or group.title not in TITLES
        for action in group._group_actions
        if action.help != argparse.SUPPRESS and not isinstance(action, argparse._HelpAction)
    ]
    if rows:
        yield "| | |\n|---|---|"
        yield from rows
        yield ""


def _name(action: argparse.Action) -> str:
    shown = action.metavar or (
        "\\|".join(map(str, action.choices)) if action.choices else action.dest.upper()
    )
    if not action.option_strings:
        more = " …" if action.nargs in ("+", "*") else ""
        return f"`{action.metavar or action.dest}{more}`"
    flags = ", ".join(f"`{flag}`" for flag in action.option_strings)
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return flags
    return f"{flags} `[{shown}]`" if action.nargs == "?" else f"{flags} `{shown}`"


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """Return the help as --help shows it."""
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    return text.replace("|", "\\|").replace("<", "&lt;")


HEAD = """\
<!-- Made by ./dev docs from the parsers in src/anymq/cli/: change it there. -->

# Commands

Each has `--help`. They end with 0 when it was done, 1 when it could not be done (one line on
standard error says why), 2 when the command line was wrong, 130 after Ctrl-C.

Those whose names begin with `kafka-` take the flags of Apache Kafka's own tools and print what
these print. Their names may be written as there: `anymq bin/kafka-topics.sh`. Those whose names
begin with `rabbitmq` are, to scripts,
[RabbitMQ's own tools](../how-to/use-scripts-made-for-rabbitmq.md).

| command | what it does |
|---|---|"""

CONNECTION_HEAD = """\
## Which broker

The tools of our own (`topics`, `groups`, `produce`, `consume`) find and enter a broker with these
flags; those of Kafka with `--bootstrap-server` and `--command-config`.
"""

API_HEAD = """\
## Which HTTP API

The commands that look after a broker (`queues`, `users`, `messages` and so on) speak to its HTTP
API. A flag counts more than a variable, a variable more than
[the file](../how-to/look-after-a-broker.md#say-which-broker-and-who-you-are).
"""

"""Finds the command of `rabbitmqctl` and its sisters, runs it, says how it ended."""

import importlib
import os
import sys
from collections.abc import Sequence

from anymq.cli.api import Api, ApiRefused, Unreachable
from anymq.cli.api.target import target_of
from anymq.cli.errors import CommandFailed
from anymq.cli.rabbitmq_tools.call import BadUsage, Bare, Call, Command, Exit, Failed, Options
from anymq.cli.rabbitmq_tools.formats import FORMATTERS
from anymq.cli.rabbitmq_tools.words import parse

# Their commands are found in all of them, as `list_queues` is in rabbitmq-diagnostics.
MODULES = (
    *("access", "listing", "policies", "virtual_hosts", "operations", "nodes", "diagnostics"),
    "shovels",
)
PLUGINS = "rabbitmq-plugins"
TIMEOUT_SECONDS = 60.0
FOREVER_SECONDS = 24 * 3600.0


def main(tool: str, words: Sequence[str]) -> int:
    """Run one command; return the exit status."""
    try:
        return _run(tool, list(words))
    except BadUsage as error:
        print(error.text, file=sys.stderr)
        return error.status
    except Failed as error:
        head = "" if isinstance(error, Bare) else "Error:\n"
        print(f"{head}{error.text}", file=sys.stderr)
        return error.status
    except Unreachable as error:
        print(f"Error: unable to perform an operation on the node: {error}", file=sys.stderr)
        return Exit.UNAVAILABLE
    except ApiRefused as error:
        print(f"Error:\n{error}", file=sys.stderr)
        return _status_of(error)
    except CommandFailed as error:
        print(f"Error:\n{error}", file=sys.stderr)
        return Exit.SOFTWARE


def commands(tool: str = "rabbitmqctl") -> dict[str, Command]:
    """Return all there are, by name."""
    found: dict[str, Command] = {}
    for name in MODULES if tool != PLUGINS else ("plugins",):
        module = importlib.import_module(f"anymq.cli.rabbitmq_tools.{name}")
        found |= module.COMMANDS.all
    return found


def completions(tool: str) -> dict[str, str]:
    """Return the words that may follow, and what they do."""
    return {name: command.about for name, command in commands(tool).items()}


def _run(tool: str, words: list[str]) -> int:
    name, rest = _command_in(words)
    known = commands(tool)
    if name in ("", "help"):
        return _help(tool, known, rest if name else [], asked="--help" in words or name == "help")
    if name not in known:
        raise BadUsage(_no_such_command(name, known))
    command = known[name]
    try:
        positional, options = parse(rest, command.switches, command.letters)
        if options.get("help"):
            return _help(tool, known, [name], asked=True)
        _check(command, positional, options)
        with _api(options) as api:
            command.do(Call(api, tool, positional, options))
    except BadUsage as error:
        head = f"Error (argument validation): {error.text}\nArguments given:\n\t{' '.join(words)}"
        raise BadUsage(f"{head}\n\n{_usage(tool, command)}", error.status) from None
    return Exit.OK


def _command_in(words: Sequence[str]) -> tuple[str, list[str]]:
    """Take the name of the command from between the options."""
    left = list(words)
    before: list[str] = []
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            return word, before + left
        before.append(word)
        if word in ("-n", "-t", "-p", "--node", "--timeout", "--vhost", "--formatter") and left:
            before.append(left.pop(0))
    return "", before


def _check(command: Command, words: Sequence[str], options: Options) -> None:
    if len(words) < command.least:
        raise BadUsage("not enough arguments.")
    if command.most is not None and len(words) > command.most:
        raise BadUsage("too many arguments.")
    if options.get("formatter", "table") not in FORMATTERS:
        raise BadUsage(f"Formatter {options['formatter']} is not one of {', '.join(FORMATTERS)}")


def _api(options: Options) -> Api:
    seconds = min(float(options.get("timeout", TIMEOUT_SECONDS)), FOREVER_SECONDS)
    return Api(target_of({}, os.environ), timeout=seconds)


def _status_of(error: ApiRefused) -> int:
    return Exit.DATA if error.not_there else Exit.UNAVAILABLE


# --- help ----------------------------------------------------------------------------------


def _usage(tool: str, command: Command) -> str:
    return f"Usage\n\n{tool} [--node <node>] [--longnames] [--quiet] {command.usage}"


def _help(tool: str, known: dict[str, Command], names: Sequence[str], *, asked: bool) -> int:
    if names and names[0] in known:
        command = known[names[0]]
        print(f"\n{_usage(tool, command)}\n\n{command.about}\n")
        return Exit.OK
    width = max(map(len, known))
    lines = [f"   {name:{width}}  {known[name].about}" for name in sorted(known)]
    head = f"Usage\n\n{tool} [--node <node>] [--timeout <timeout>] [--quiet] <command> ..."
    text = "\n".join([head, "", "Available commands:", "", *lines, ""])
    print(text, file=sys.stdout if asked else sys.stderr)
    return Exit.OK if asked else Exit.USAGE


def _no_such_command(name: str, known: dict[str, Command]) -> str:
    import difflib  # rarely needed

    close = difflib.get_close_matches(name, list(known), n=1)
    hint = f"\nDid you mean '{close[0]}'?" if close else ""
    return f"\nCommand '{name}' not found.{hint}\n"

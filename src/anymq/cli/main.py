"""`anymq COMMAND`: finds the command's module, lets it read its flags, runs it.

Only the module of the one command is imported, so each starts fast. A module of a command has
`configure(parser)`, which declares its flags, and `run(arguments)`, which returns the exit status.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import anymq
from anymq.cli.errors import CommandFailed

# Drop-in forms of Apache Kafka's own tools, kafka-topics.sh and so on.
KAFKA_TOOLS = (
    "topics",
    "console-producer",
    "console-consumer",
    "consumer-groups",
    "configs",
    "get-offsets",
    "delete-records",
    "broker-api-versions",
    "cluster",
)

# Those that look after a broker over its HTTP API: module in anymq.cli.operate, what it does.
OPERATE = {
    "status": "the broker at a glance",
    "alarms": "what blocks publishers; ends with 1 while something does",
    "queues": "list, show, declare, delete, purge queues and streams",
    "exchanges": "list, show, declare, delete exchanges",
    "bindings": "list, add, remove bindings",
    "connections": "list, show, close connections",
    "channels": "list, show channels",
    "consumers": "list consumers, and who of them is slow",
    "vhosts": "list, add, delete virtual hosts",
    "users": "list, add, delete users; their passwords and tags",
    "permissions": "who may do what: list, set, clear",
    "policies": "what holds for all queues that match: list, set, clear",
    "limits": "how much a virtual host or user may have: list, set, clear",
    "messages": "browse, search, move, replay, delete, get, publish messages",
    "dead-letters": "dead letters by reason and origin; send them back",
    "shovels": "messages on their way to other brokers: list, set, restart, delete",
    "delayed": "messages that wait for their time: list, cancel, release",
    "transactions": "half messages that wait for their senders' word: list, commit, rollback",
    "jobs": "what is being done with many messages: list, wait, cancel",
    "log-level": "how much the broker logs; change it while it runs",
    "audit": "who changed what, and from where",
    "definitions": "export, import all definitions",
}

# Drop-in forms of RabbitMQ's own tools. They read their command lines themselves.
RABBITMQ_TOOLS = {
    "rabbitmqctl": "as RabbitMQ's rabbitmqctl",
    "rabbitmq-diagnostics": "as RabbitMQ's rabbitmq-diagnostics",
    "rabbitmq-plugins": "as RabbitMQ's rabbitmq-plugins: what is built in is enabled",
    "rabbitmq-queues": "as RabbitMQ's rabbitmq-queues",
    "rabbitmq-streams": "as RabbitMQ's rabbitmq-streams",
    "rabbitmq-upgrade": "as RabbitMQ's rabbitmq-upgrade",
}

ADMIN = "anymq.cli.rabbitmq_tools.admin"

# Command -> (its module, what it does, in a line). To add a command, add a line and a module.
COMMANDS = MappingProxyType(
    {
        "serve": ("anymq.cli.serve", "run the broker"),
        "topics": ("anymq.cli.topics", "list, describe, create, alter, delete topics"),
        "groups": ("anymq.cli.groups", "list, describe, reset, delete consumer groups"),
        "produce": ("anymq.cli.produce", "send lines as messages"),
        "consume": ("anymq.cli.consume", "write messages as lines"),
        **{
            name: (f"anymq.cli.operate.{name.replace('-', '_')}", about)
            for name, about in OPERATE.items()
        },
        "completion": ("anymq.cli.completion", "completion for bash, zsh, fish"),
        "doctor": ("anymq.cli.doctor", "find out what is wrong here, and what to do"),
        "verifier": ("anymq.cli.verifier", "make of a password what the settings may hold instead"),
        **{
            f"kafka-{name}": (
                f"anymq.cli.kafka_tools.{name.replace('-', '_')}",
                f"as Kafka's kafka-{name}.sh",
            )
            for name in KAFKA_TOOLS
        },
        **{name: ("anymq.cli.rabbitmq_tools.front", it) for name, it in RABBITMQ_TOOLS.items()},
        "rabbitmqadmin": (ADMIN, "as RabbitMQ's rabbitmqadmin"),
    }
)

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130


# What a module may offer instead: it is given its name and its words.
Own = Callable[[str, Sequence[str]], int]


class Command(Protocol):
    """What the module of a command offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Declare the flags."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it; return the exit status."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return the exit status."""
    arguments = _words() if argv is None else list(argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0 if arguments else WRONG_USAGE
    if arguments[0] in ("-V", "--version", "version"):
        print(f"anymq {anymq.__version__}")
        return 0
    name = command_of(arguments[0])
    if name not in COMMANDS:
        print(f"anymq: {no_such_command(name)}", file=sys.stderr)
        return WRONG_USAGE
    return run_command(name, arguments[1:])


def _words() -> list[str]:
    """Return the command line; a link to us that is called rabbitmqctl is that command."""
    name = command_of(sys.argv[0])
    return [name, *sys.argv[1:]] if name != "anymq" and name in COMMANDS else sys.argv[1:]


def command_of(word: str) -> str:
    """Return the command that is meant: "bin/kafka-topics.sh" is "kafka-topics"."""
    name = os.path.basename(word).removesuffix(".sh")
    return name if name.startswith(("kafka-", "rabbitmq")) else word


def run_command(name: str, flags: Sequence[str]) -> int:
    """Import the command and run it; what goes wrong is one line, not a traceback."""
    module, summary = COMMANDS[name]
    command: Any = importlib.import_module(module)
    try:
        # RabbitMQ's tools have a command line that argparse cannot read.
        own: Own | None = getattr(command, "main", None)
        status = own(name, flags) if own else _run(command, name, summary, flags)
        sys.stdout.flush()
    except CommandFailed as error:
        print(f"anymq {name}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does; nothing is left to be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return status


def _run(command: Command, name: str, summary: str, flags: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(f"anymq {name}", description=summary, allow_abbrev=False)
    command.configure(parser)
    return command.run(_parse(parser, flags))


def _parse(parser: argparse.ArgumentParser, flags: Sequence[str]) -> argparse.Namespace:
    """Read the flags, also between words: `produce TOPIC --json FILE`."""
    try:
        return parser.parse_intermixed_args(flags)
    except TypeError:  # argparse cannot where a command has actions, as `topics` has
        return parser.parse_args(flags)


def usage() -> str:
    """Return what there is to be called."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    head = "usage: anymq COMMAND ...\n\ncommands (each has --help):\n"
    return head + "\n".join(lines)


def no_such_command(name: str) -> str:
    """Say so, and which was meant."""
    import difflib  # rarely needed

    close = difflib.get_close_matches(name, list(COMMANDS), n=1)
    hint = f"Did you mean {close[0]}?" if close else "See anymq --help."
    return f"there is no command {name!r}. {hint}"

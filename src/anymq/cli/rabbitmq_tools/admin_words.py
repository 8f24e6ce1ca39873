"""The command line of rabbitmqadmin: the first's `name=value`, the second's `--name value`."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from typing_extensions import override

from anymq.cli.errors import CommandFailed

GROUPS = {
    "queues": "queue",
    "streams": "stream",
    "exchanges": "exchange",
    "bindings": "binding",
    "vhosts": "vhost",
    "users": "user",
    "permissions": "permission",
    "topic_permissions": "topic_permission",
    "policies": "policy",
    "operator_policies": "operator_policy",
    "parameters": "parameter",
    "global_parameters": "global_parameter",
    "vhost_limits": "vhost_limit",
    "user_limits": "user_limit",
    "connections": "connection",
    "channels": "channel",
    "consumers": "consumer",
    "nodes": "node",
    "feature_flags": "feature_flag",
    "deprecated_features": "deprecated_feature",
}
WITHOUT_VALUE = ("stdout", "stdin", "idempotently")
RENAMED = {"apply_to": "apply-to", "ack_mode": "ackmode"}


class WrongWords(CommandFailed):
    """The command line makes no sense."""


class _Parser(argparse.ArgumentParser):
    @override
    def error(self, message: str) -> NoReturn:
        raise WrongWords(message)


def parser() -> argparse.ArgumentParser:
    """Return what reads the options that come before or between the words."""
    made = _Parser("rabbitmqadmin", add_help=False, allow_abbrev=False)
    add = made.add_argument
    add("-H", "--host", "--hostname", dest="host")
    add("-P", "--port", type=int)
    add("--path-prefix", default="")
    add("-V", "--vhost")
    add("-u", "--username")
    add("-p", "--password")
    add("-U", "--base-uri")
    add("-q", "--quiet", "--non-interactive", action="store_true")
    add("-s", "--ssl", "--use-tls", "--tls", action="store_true", dest="tls")
    add("--ssl-key-file", "--tls-key-file", dest="tls_key")
    add("--ssl-cert-file", "--tls-cert-file", dest="tls_certificate")
    add("--ssl-ca-cert-file", "--tls-ca-cert-file", dest="tls_ca")
    add("--ssl-disable-hostname-verification", action="store_true", dest="tls_insecure")
    add("-k", "--ssl-insecure", "--insecure", action="store_true", dest="tls_insecure")
    add("-t", "--request-timeout", "--timeout", type=float, default=120.0, dest="timeout")
    add("-f", "--format", default="table")
    add("--table-style", help=argparse.SUPPRESS)
    add("-S", "--sort")
    add("-R", "--sort-reverse", action="store_true")
    add("-d", "--depth", type=int, default=1)
    add("-c", "--config")
    add("-N", "--node")
    add("--version", action="store_true")
    add("-h", "--help", action="store_true")
    return made


def split(words: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Take the options away; what is left is for the command."""
    options, rest = parser().parse_known_args(list(words))
    return options, rest


def command_of(rest: Sequence[str]) -> tuple[str, str, list[str]]:
    """Return verb, object and arguments, whichever way round they are."""
    first, *others = [rest[0].replace("-", "_"), *rest[1:]]
    if first == "definitions" and others:
        return others[0], "", others[1:]
    if first in GROUPS and others:
        verb = others[0].replace("-", "_")
        kind = first if verb == "list" else GROUPS[first]
        return verb, kind, others[1:]
    if first == "messages" and others:
        return others[0], "", others[1:]
    if first in ("get", "publish"):
        return first, "", [each for each in others if each not in ("message", "messages")]
    if first in ("export", "import"):
        return first, "", list(others)
    kind = others[0].replace("-", "_") if others else ""
    return first, kind, list(others[1:])


def arguments_of(words: Sequence[str]) -> dict[str, str]:
    """Read `name=value`, `--name value`, `--name=value`."""
    found: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if word.startswith("--"):
            name = name.replace("-", "_")
            if not equals:
                value = _value(name, left)
        elif not equals:
            raise WrongWords(f'Argument "{word}" not in the name=value format')
        found[RENAMED.get(name, name)] = value
    return found


def _value(name: str, left: list[str]) -> str:
    if name in WITHOUT_VALUE:
        return "true"
    if not left:
        raise WrongWords(f"--{name} needs a value")
    return left.pop(0)


def columns_of(words: Sequence[str]) -> list[str]:
    """Return the columns: words of their own, or `--columns a,b`."""
    if any(word.startswith("--") for word in words):
        said: dict[str, Any] = arguments_of(words)
        return [each.strip() for each in said.get("columns", "").split(",") if each]
    return list(words)

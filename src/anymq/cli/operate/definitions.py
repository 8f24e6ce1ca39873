"""`anymq definitions`: what there is, without messages, as a file; RabbitMQ's files too."""

import argparse
import sys
from typing import Any

import msgspec

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, run
from anymq.cli.errors import CommandFailed
from anymq.cli.output import tell

__all__ = ["configure", "run"]

FILE_BYTES_MAX = 1 << 30
SECRET = 0o600


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    for name, about, do in (
        ("export", "write them to a file; hashes of passwords are in it", export),
        ("import", "make what a file says; what is there already stays", import_),
    ):
        action = actions.add(name, about, do)
        action.add_argument("file", nargs="?", default="-", metavar="FILE", help="default: -")
        action.add_argument("--vhost", "-p", metavar="NAME", help="only of or into this one")


def export(api: Api, arguments: argparse.Namespace) -> None:
    """Write them."""
    content = msgspec.json.format(msgspec.json.encode(api.get(*_path(arguments))), indent=2)
    write_file(arguments.file, content + b"\n")


def import_(api: Api, arguments: argparse.Namespace) -> None:
    """Read them."""
    answer = api.post(*_path(arguments), body=read_document(arguments.file))
    if isinstance(answer, dict) and (left := answer.get("not_imported")):
        tell("left out: " + ", ".join(f"{count} {kind}" for kind, count in left.items()))


def _path(arguments: argparse.Namespace) -> tuple[str, ...]:
    return ("definitions",) if arguments.vhost is None else ("definitions", arguments.vhost)


def write_file(path: str, content: bytes) -> None:
    """Write it where only we may read it; "-" is standard output."""
    import os

    if path == "-":
        sys.stdout.buffer.write(content)
        return
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(path, flags, SECRET), "wb") as file:
            file.write(content)
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None


def read_document(path: str) -> dict[str, Any]:
    """Read a file of definitions."""
    try:
        if path == "-":
            content = sys.stdin.buffer.read(FILE_BYTES_MAX)
        else:
            with open(path, "rb") as file:
                content = file.read(FILE_BYTES_MAX)
        return msgspec.json.decode(content, type=dict[str, Any])
    except OSError as error:
        raise CommandFailed(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{path}: no definitions: {error}") from None

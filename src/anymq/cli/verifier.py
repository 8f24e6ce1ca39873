"""`anymq verifier NAME`: turn a password into what may stand in the file instead of it."""

import argparse
import getpass
import sys

from anymq.cli.errors import CommandFailed
from anymq.security.passwords import Mechanism, derive, to_text


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags. The password is none: a list of processes would show it."""
    parser.add_argument("name", help="who is to log in")


def run(arguments: argparse.Namespace) -> int:
    """Ask for the password, twice on a terminal; print the line for [users]."""
    password = _ask() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise CommandFailed("an empty password is none")
    verifiers = ",\n  ".join(f'"{to_text(derive(password, each))}"' for each in Mechanism)
    print(f"[users]\n{_key(arguments.name)} = [\n  {verifiers},\n]")
    return 0


def _ask() -> str:
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandFailed("the two are not the same")
    return password


def _key(name: str) -> str:
    """Write a name as TOML's quoted keys are: as JSON's strings, nearly."""
    if not name.isprintable():
        raise CommandFailed("this name has characters nobody could type")
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'

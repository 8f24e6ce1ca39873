"""`anymq log-level`: how much the broker logs; change it while it runs."""

import argparse

from anymq.cli.api import connect
from anymq.cli.api.target import add_target_flags
from anymq.cli.output import print_json

PART = "a part of the broker, as its lines name it: kafka, amqp, net, …"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add("level", nargs="?", help="debug, info, warning, error; for a part, also: default")
    add("--part", metavar="NAME", default="", help=PART)
    add("--json", action="store_true", help="for programs")
    add_target_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Set it, or print it."""
    with connect(arguments) as api:
        if arguments.level is not None:
            api.put("log-level", body={"level": arguments.level, "part": arguments.part})
            return 0
        said = api.get("log-level")
    if arguments.json:
        print_json(said)
        return 0
    print(said["level"])
    for part, level in said["parts"].items():
        print(f"{part} {level}")
    return 0

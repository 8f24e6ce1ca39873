"""`anymq alarms`: what blocks publishers; 1 while something does."""

import argparse
from typing import Any

from anymq.cli.api import Api, ApiRefused, connect
from anymq.cli.api.target import add_target_flags
from anymq.cli.output import print_json

ADVICE = {
    "memory": "publishers wait: consume, or raise limits.memory_alarm_bytes",
    "disk": "publishers wait: free the disk (docs/how-to/recover-from-a-full-disk.md)",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument("--json", action="store_true", help="for programs")
    add_target_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print them."""
    with connect(arguments) as api:
        found = alarms(api)
    if arguments.json:
        print_json(found)
    else:
        for alarm in found:
            resource = alarm["resource"]
            print(f"{resource} on {alarm['node']}: {ADVICE.get(resource, 'see the log')}")
        if not found:
            print("no alarms")
    return 1 if found else 0


def alarms(api: Api) -> list[dict[str, Any]]:
    """Return those in effect."""
    try:
        api.get("health", "checks", "alarms")
    except ApiRefused as refused:
        said = refused.content
        if not isinstance(said, dict) or "alarms" not in said:
            raise
        return list(said["alarms"])
    return []

"""`anymq jobs`: what the broker does with many messages: list, show, wait, cancel."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api import jobs as work
from anymq.cli.api.actions import Actions, run
from anymq.cli.api.rows import add_row_flags, show_one, show_rows
from anymq.cli.errors import CommandFailed

__all__ = ["configure", "run"]

COLUMNS = {
    "id": "id",
    "action": "action",
    "source": "source",
    "user": "user",
    "state": "state",
    "examined": "examined",
    "total": "total",
    "found": "found",
    "done": "done",
    "failed": "failed",
    "error": "error",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    add_row_flags(actions.add("list", "those that run, and that have ended lately", list_jobs))
    add_row_flags(actions.add("show", "all there is to say about one", show, "ID"))
    actions.add("wait", "watch one until it has ended", wait, "ID")
    actions.add("cancel", "cancel some; what is done stays done", cancel, "ID…")


def list_jobs(api: Api, arguments: argparse.Namespace) -> None:
    """Print them."""
    show_rows(api.get("jobs"), COLUMNS, arguments)


def show(api: Api, arguments: argparse.Namespace) -> None:
    """Print one."""
    show_one(api.get("jobs", arguments.id), arguments)


def wait(api: Api, arguments: argparse.Namespace) -> None:
    """Wait, and say how it ended."""
    ended = work.wait(api, arguments.id)
    work.tell_summary(ended)
    if ended["state"] != "done":
        raise CommandFailed(f"job {arguments.id} is {ended['state']}")


def cancel(api: Api, arguments: argparse.Namespace) -> None:
    """Cancel those that run."""
    for job in arguments.ids:
        if api.get("jobs", job)["state"] == work.RUNNING:
            api.delete("jobs", job)

"""Jobs of the broker: begin one, watch it, say how it ended."""

import argparse
import sys
import time
from typing import Any

from anymq.cli.api import Api, ApiRefused
from anymq.cli.errors import CommandFailed
from anymq.cli.output import tell
from anymq.cli.progress import Bar

ASK_SECONDS_MIN = 0.05
ASK_SECONDS_MAX = 1.0
RUNNING = "running"

Job = dict[str, Any]


def begin(api: Api, body: dict[str, Any]) -> str:
    """Have the broker begin one; return its id."""
    return str(api.post("jobs", body=body)["id"])


def wait(api: Api, job: str) -> Job:
    """Watch it until it has ended; Ctrl-C cancels it, what is done stays done."""
    bar, pause = Bar(), ASK_SECONDS_MIN
    try:
        while (seen := api.get("jobs", job))["state"] == RUNNING:
            bar.show(seen["examined"], seen["total"], f"{seen['found']:,} found")
            time.sleep(pause)
            pause = min(pause * 1.5, ASK_SECONDS_MAX)
    except KeyboardInterrupt:
        bar.finish()
        _cancel(api, job)
        raise
    bar.finish()
    return dict(seen)


def _cancel(api: Api, job: str) -> None:
    api.close()  # an answer may be on its way
    try:
        api.delete("jobs", job)
    except ApiRefused:
        return  # it had ended
    tell(f"job {job} is cancelled; what it has done stays done")


def run(api: Api, body: dict[str, Any], arguments: argparse.Namespace) -> Job | None:
    """Begin one and, if that is wanted, see it through."""
    job = begin(api, body)
    if getattr(arguments, "no_wait", False):
        print(job)
        return None
    ended = wait(api, job)
    if ended["state"] == "failed":
        raise CommandFailed(f"job {job}: {ended['error']} ({summary(ended)})")
    return ended


def summary(job: Job) -> str:
    """Say what was done."""
    done = f"{job['done']:,} of {job['found']:,} messages done"
    if job["action"] == "search":
        done = f"{job['found']:,} found"
    parts = [done, f"{job['examined']:,} examined"]
    parts += [f"{job[key]:,} {key}" for key in ("failed", "skipped") if job.get(key)]
    return ", ".join(parts)


def tell_summary(job: Job) -> None:
    """Say it where it does not mix with results."""
    text = summary(job)
    if job["error"]:
        text += f"; {job['error']}"
    elif job["state"] == "done" and job["examined"] < job["total"]:
        text += "; there may be more: --limit"
    print(text, file=sys.stderr)

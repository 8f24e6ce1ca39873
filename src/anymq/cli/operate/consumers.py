"""`anymq consumers`: who takes messages from which queue; who is behind, of every protocol."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, Listing, run
from anymq.cli.api.rows import add_row_flags, show_rows

__all__ = ["configure", "run"]

LISTING = Listing(
    "consumers",
    "all consumers of queues and streams",
    {
        "vhost": "queue.vhost",
        "queue": "queue.name",
        "tag": "consumer_tag",
        "channel": "channel_details.name",
        "acks": "ack_required",
        "prefetch": "prefetch_count",
        "active": "active",
        "exclusive": "exclusive",
    },
    by_vhost=True,
)
SLOW_COLUMNS = {
    "kind": "kind",
    "vhost": "vhost",
    "of": "of",
    "who": "who",
    "unacked": "unacked",
    "seconds": "oldest_unacked_seconds",
    "behind": "behind",
    "why": "why",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    actions.list(LISTING)
    action = actions.add("slow", "consumers and groups that are behind, the worst first", slow)
    action.add_argument("--seconds", type=int, metavar="N", help="holds messages for so long; 60")
    action.add_argument("--lag", type=int, metavar="N", help="a group is so far behind; 1000")
    add_row_flags(action)


def slow(api: Api, arguments: argparse.Namespace) -> None:
    """Print who is behind; queues and topics have columns in common here."""
    found = api.get("slow-consumers", min_seconds=arguments.seconds, min_lag=arguments.lag)
    if not (arguments.json or arguments.columns):
        found = [
            {
                **row,
                "of": row.get("queue") or row.get("topics"),
                "who": row.get("consumer_tag") or row.get("group"),
                "behind": row.get("waiting", row.get("lag")),
            }
            for row in found
        ]
    show_rows(found, SLOW_COLUMNS, arguments)

"""`anymq consumers`: who takes messages from which queue; who is slow."""

import argparse

from anymq.cli.api.actions import Actions, Listing, run

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


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    Actions(parser).list(LISTING)

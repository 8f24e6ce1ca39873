"""`anymq channels`: list, show."""

import argparse

from anymq.cli.api import Api
from anymq.cli.api.actions import Actions, Listing, run
from anymq.cli.api.rows import add_row_flags, show_one

__all__ = ["configure", "run"]

LISTING = Listing(
    "channels",
    "all channels of AMQP connections",
    {
        "name": "name",
        "user": "user",
        "vhost": "vhost",
        "consumers": "consumer_count",
        "unacked": "messages_unacknowledged",
        "unconfirmed": "messages_unconfirmed",
        "prefetch": "prefetch_count",
        "confirms": "confirm",
        "transactional": "transactional",
    },
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = Actions(parser)
    actions.list(LISTING)
    add_row_flags(actions.add("show", "all there is to say about one", show, "NAME"))


def show(api: Api, arguments: argparse.Namespace) -> None:
    """Print one."""
    show_one(api.get("channels", arguments.name), arguments)

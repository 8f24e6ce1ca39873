"""Delivery: one message as a line hands it out."""

from typing import NamedTuple

from anymq.core.message import Message


class Delivery(NamedTuple):
    """A message and its place. A plain tuple, because there are a million of them a second."""

    position: int  # in its line: names it when it is settled or given back
    message: Message
    returns: int  # how often it was given back with `count`
    redelivered: bool  # somebody may have had it before


class Seen(NamedTuple):
    """A message in its place that was looked at, not taken."""

    position: int
    message: Message
    returns: int = 0
    redelivered: bool = False
    ready: bool = True  # it waits: nobody has it

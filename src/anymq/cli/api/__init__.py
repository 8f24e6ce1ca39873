"""A small blocking client of the HTTP API, with which the commands work."""

import argparse
import os

from anymq.cli.api.client import Api, ApiRefused, Unreachable
from anymq.cli.api.target import add_target_flags, target_from

__all__ = ["Api", "ApiRefused", "Unreachable", "add_target_flags", "connect"]


def connect(arguments: argparse.Namespace) -> Api:
    """Make what asks the broker; the first question connects."""
    return Api(target_from(arguments, os.environ))

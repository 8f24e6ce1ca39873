"""Where `consume --from` begins."""

import argparse
import time
from datetime import datetime

import pytest

from anymq.cli.consume import parse_start
from anymq.cli.kafka.consumer import BEGINNING, END, Start


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("beginning", BEGINNING),
        ("earliest", BEGINNING),
        ("end", END),
        ("17", Start(offset=17)),
        ("@1700000000.5", Start(time_ms=1700000000500)),
        ("2026-01-31T12:00Z", Start(time_ms=1769860800000)),
        ("2026-01-31", Start(time_ms=int(datetime(2026, 1, 31).timestamp() * 1000))),  # noqa: DTZ001
    ],
)
def test_places(text: str, expected: Start) -> None:
    assert parse_start(text) == expected


def test_how_long_ago() -> None:
    start = parse_start("2h").time_ms

    assert start is not None
    assert 0 <= time.time() * 1000 - 2 * 3600 * 1000 - start < 10_000


@pytest.mark.parametrize("text", ["yesterday", "-5", "3 apples", "@x"])
def test_what_is_no_place_is_said(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="neither"):
        parse_start(text)

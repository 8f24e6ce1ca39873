"""Sizes and durations, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.config.units import (
    DAY_MS,
    GIB,
    KIB,
    MIB,
    format_bytes,
    format_ms,
    parse_bytes,
    parse_ms,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64MiB", 64 * MIB),
        ("64 mib", 64 * MIB),
        ("1.5k", 1536),
        ("7", 7),
        ("-1", -1),
        ("2G", 2 * GIB),
    ],
)
def test_sizes_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "duration"), [("7d", 7 * DAY_MS), ("250ms", 250), ("1.5s", 1500), ("5 min", 300_000)]
)
def test_durations_read_as_people_write_them(text: str, duration: int) -> None:
    assert parse_ms(text) == duration


@pytest.mark.parametrize("text", ["", "MiB", "1XB", "1,5MiB", "0.1B", "1 2"])
def test_what_is_no_size_is_refused_with_the_units_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"KiB|whole number"):
        parse_bytes(text)


@given(st.integers(min_value=0, max_value=2**50))
def test_a_size_and_a_duration_read_as_they_were_written(value: int) -> None:
    assert parse_bytes(format_bytes(value)) == value
    assert parse_ms(format_ms(value)) == value


def test_the_biggest_unit_that_fits_is_shown() -> None:
    assert format_bytes(64 * MIB) == "64MiB"
    assert format_bytes(KIB + 1) == "1025B"
    assert format_ms(7 * DAY_MS) == "7d"
    assert format_ms(0) == "0"

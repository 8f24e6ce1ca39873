"""Tables for people."""

import pytest

from anymq.cli.output import print_table, time_text


def test_columns_are_as_wide_as_they_have_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["NAME", "COUNT", "X"], [("a", 1, None), ("longer", 1000, "y")])

    assert capsys.readouterr().out == (
        "NAME    COUNT  X\n"
        "a           1  -\n"
        "longer   1000  y\n"
    )  # fmt: skip


def test_a_time_that_is_none_stays_a_number() -> None:
    assert time_text(0) == "1970-01-01T00:00:00.000Z"
    assert time_text(10**18) == str(10**18)

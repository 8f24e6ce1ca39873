"""Tables for people."""

from typing import Any

import pytest

from anymq.cli.api.jobs import tell_summary
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


@pytest.mark.parametrize(
    ("job", "told"),
    [
        ({"action": "search", "found": 1, "examined": 9}, "1 found, 9 examined"),
        (
            {"action": "search", "found": 2, "examined": 3},
            "2 found, 3 examined; there may be more: --limit",
        ),
        ({"action": "move", "found": 2, "examined": 9}, "2 of 2 messages done, 9 examined"),
    ],
)
def test_what_a_job_did(job: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A search that stopped at its limit has not seen all."""
    tell_summary({"state": "done", "error": None, "done": job["found"], "total": 9, **job})
    assert capsys.readouterr().err == told + "\n"

"""`./dev soak` runs every row, says what it ran, and how what failed is run again."""

import time

import pytest
from tools.soak import ROOT, ROWS, Row, Tally, files_of, report, run_row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_pattern_of_a_row_finds_tests(row: Row) -> None:
    assert all(list(ROOT.glob(pattern)) for pattern in row.tests)
    assert len(set(files_of(row))) == len(files_of(row))


def test_what_fails_is_in_the_report_with_what_replays_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.soak.run", lambda *_: (1, "why\n1 failed, 7 passed in 3.2s"))
    row = ROWS[0]
    tallies = {each.name: Tally() for each in ROWS}
    run_row(row, tallies[row.name])

    page = report(tallies, time.monotonic())
    [seed] = tallies[row.name].seeds
    assert f"ANYMQ_SEED={seed} ANYMQ_EFFORT={row.effort} ./dev test {row.tests[0]}" in page
    assert "| 1 | 1 failed, 7 passed |" in page
    assert page.count("**failed**") == 1
    said = capsys.readouterr().out
    assert "why" in said
    assert f"ANYMQ_SEED={seed}" in said

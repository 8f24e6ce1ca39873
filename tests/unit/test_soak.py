"""`./dev soak` runs every row, says what it ran, and how what failed is run again."""

import time

import pytest
from tools.soak import ROOT, ROWS, Row, Tally, dealt, files_of, report, run_row


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
    run_row(row, tallies[row.name], 3)

    page = report(tallies, time.monotonic())
    [seed] = tallies[row.name].seeds
    assert f"ANYMQ_SEED={seed} ANYMQ_EFFORT=3 ./dev test {row.tests[0]}" in page
    assert "| 3 | 1 failed, 7 passed |" in page
    assert page.count("**failed**") == 1
    said = capsys.readouterr().out
    assert "why" in said
    assert f"ANYMQ_SEED={seed}" in said


def test_the_time_that_is_left_decides_on_the_effort() -> None:
    tallies = {each.name: Tally(efforts=[1, 3], seconds=400.0) for each in ROWS}
    for hours, effort in ((0.0, 0), (0.1, 0), (0.5, 1), (1.0, 3), (8.0, 3)):
        dealings = dealt(tallies, hours * 3600)
        assert dealings == {row.name: min(effort, row.effort_max) for row in ROWS}

"""Ctrl-C ends us where nothing is lost; pressed again, at once."""

import os
import signal

import pytest

from anymq.cli.interrupts import Interrupts


def press(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def test_in_the_middle_of_work_it_waits_for_the_end_of_it() -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_while_nothing_is_done_it_ends_at_once() -> None:
    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.idle():
        press()


def test_idle_work_does_not_begin_when_the_end_was_asked_for() -> None:
    with Interrupts() as interrupts:
        press()
        with pytest.raises(KeyboardInterrupt), interrupts.idle():
            pytest.fail("it began")


def test_the_second_time_it_ends_whatever_is_done() -> None:
    with Interrupts():
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_a_terminated_process_says_so() -> None:
    with Interrupts() as interrupts:
        press(signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            interrupts.check()
    assert ended.value.code == 143


def test_what_was_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            press()
            interrupts.check()
    finally:
        signal.signal(signal.SIGINT, before)

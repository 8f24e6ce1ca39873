"""Whoever runs the broker reads in its log what is wrong with the disk."""

import logging

import pytest

from anymq.config.units import MIB
from anymq.management.news import News


class PretendedStore:
    def __init__(self) -> None:
        self.reports: list[str] = []
        self.full = False

    def free_bytes(self) -> int:
        return 100 * MIB


@pytest.fixture
def store() -> PretendedStore:
    return PretendedStore()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines since the last call."""
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return lines


def test_a_full_disk_is_told_once_and_its_end_too(
    store: PretendedStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "anymq")
    news = News(store)
    news.look()
    assert told(caplog) == []

    store.full = True
    news.look()
    news.look()
    assert told(caplog) == ["the disk is full: messages are refused until there is space"]

    store.full = False
    news.look()
    assert told(caplog) == ["the disk has space again: messages are taken"]


def test_each_report_is_told_once(store: PretendedStore, caplog: pytest.LogCaptureFixture) -> None:
    news = News(store)
    store.reports.append("logs/17: a batch is damaged")
    news.look()
    store.reports.append("log 18 takes no more writes")
    news.look()
    news.look()

    reports = [record.__dict__["fields"]["report"] for record in caplog.records]
    assert reports == ["logs/17: a batch is damaged", "log 18 takes no more writes"]

"""What can be changed while the broker runs."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
from typing_extensions import override

from anymq.config.model import Amqp, Settings, declared
from anymq.config.units import GIB, MIB
from anymq.management import alarms
from anymq.management.api.running import HIDDEN, shown
from anymq.observability import log
from anymq.testing.http import HttpRoom

NOISY = log.Log("anymq.noisy.part")


@pytest.fixture
def room() -> HttpRoom:
    return HttpRoom()


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is written."""
    written: list[str] = []

    class Keep(logging.Handler):
        @override
        def emit(self, record: logging.LogRecord) -> None:
            written.append(record.getMessage())

    handler = Keep()
    logging.getLogger(log.ROOT).addHandler(handler)
    yield written
    logging.getLogger(log.ROOT).removeHandler(handler)


def test_more_is_logged_at_once(room: HttpRoom, lines: list[str]) -> None:
    room.put("/api/log-level", {"level": "error"})
    NOISY.info("before")
    assert room.put("/api/log-level", {"level": "debug"}).status == 204
    NOISY.debug("after")

    assert "before" not in lines
    assert "after" in lines
    assert room.get("/api/log-level").json == {"level": "debug", "parts": {}}
    assert room.get("/api/config/effective").json["log"]["level"] == "debug"


def test_one_part_logs_more_than_the_others(room: HttpRoom, lines: list[str]) -> None:
    """Who looks for the fault of one client should not have to read of all others."""
    room.put("/api/log-level", {"level": "error"})
    assert room.put("/api/log-level", {"level": "debug", "part": "noisy"}).status == 204
    NOISY.debug("of the part")
    log.Log("anymq.another").info("of another")

    assert lines[-1:] == ["of the part"]
    assert room.get("/api/log-level").json == {"level": "error", "parts": {"noisy": "debug"}}

    assert room.put("/api/log-level", {"level": "default", "part": "noisy"}).status == 204
    assert room.get("/api/log-level").json == {"level": "error", "parts": {}}


def test_rabbitmqs_levels_mean_the_nearest_of_ours(room: HttpRoom) -> None:
    for said, level in (("notice", "info"), ("critical", "error"), ("warning", "warning")):
        room.put("/api/log-level", {"level": said})
        assert room.get("/api/log-level").json["level"] == level


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"level": "loud"},
        {"level": 10},
        {"level": "default"},
        {"level": "info", "part": "nobody"},
        {"level": "info", "part": ["noisy"]},
    ],
)
def test_a_level_that_makes_no_sense_is_refused(room: HttpRoom, body: object) -> None:
    before = room.get("/api/log-level").json

    assert room.put("/api/log-level", body).status == 400
    assert room.get("/api/log-level").json == before
    assert "nobody" not in log.parts(), "clients make no loggers"


def test_reading_the_settings_anew_ends_it(room: HttpRoom) -> None:
    room.put("/api/log-level", {"level": "debug", "part": "noisy"})

    log.configure("warning")

    assert room.get("/api/log-level").json == {"level": "warning", "parts": {}}


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({"absolute": 3 * GIB}, 3 * GIB),
        ({"absolute": "512MiB"}, 512 * MIB),
        ({"absolute": "2GB"}, 2 * GIB),
        ({"relative": 0.25}, alarms.machine_bytes() // 4),
        ({"relative": 0}, 1),
    ],
)
def test_the_watermark_of_memory(room: HttpRoom, said: object, size: int) -> None:
    assert room.put("/api/watermarks", {"memory_high_watermark": said}).status == 204

    assert room.get("/api/watermarks").json["memory_high_watermark"]["absolute"] == size
    assert room.settings.limits.memory_alarm_bytes == size


def test_the_watermark_of_the_disk(room: HttpRoom) -> None:
    both = {
        "memory_high_watermark": {"absolute": 7 * MIB},
        "disk_free_limit": {"mem_relative": 1.5},
    }
    assert room.put("/api/watermarks", both).status == 204

    now = room.get("/api/watermarks").json
    assert now["disk_free_limit"]["absolute"] == int(1.5 * alarms.machine_bytes())
    assert now["memory_high_watermark"]["absolute"] == 7 * MIB


@pytest.mark.parametrize(
    "said",
    [
        {"absolute": "much"},
        {"absolute": -1},
        {"absolute": True},
        {"absolute": 1 << 70},
        {"relative": "0.5"},
        {"relative": -0.5},
        {"relative": 1e300},
        {"relative": True},
        {"percent": 50},
        {"absolute": 1, "relative": 1},
    ],
)
def test_a_watermark_that_makes_no_sense_is_refused(room: HttpRoom, said: object) -> None:
    assert room.put("/api/watermarks", {"memory_high_watermark": said}).status == 400
    assert room.settings == Settings()


def test_the_settings_that_hold_are_shown_without_secrets() -> None:
    settings = replace(
        Settings(), amqp=replace(Amqp(), default_user="ada", default_password="secret")
    )
    said = shown(settings)

    assert [each.key for each in declared() if each.name not in said[each.section]] == []
    assert said["amqp"]["default_user"] == "ada"
    assert said["amqp"]["default_password"] == HIDDEN
    assert "secret" not in repr(said)


def test_whatever_is_called_a_password_is_secret() -> None:
    named = {each.key for each in declared() if each.name.endswith(("password", "secret", "token"))}

    assert named == {each.key for each in declared() if each.secret}

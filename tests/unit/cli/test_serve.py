"""`anymq serve`, with a server that only pretends."""

import asyncio
import gc
import os
import signal
from collections.abc import Iterator, Sequence

import pytest

from anymq.cli.errors import CommandFailed
from anymq.cli.main import main
from anymq.cli.serve import ready_line, serve
from anymq.config.load import from_tables
from anymq.config.model import Settings


@pytest.fixture(autouse=True)
def garbage_as_before() -> Iterator[None]:
    """What serves is calmed; these tests share the process with others."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class PretendedServer:
    """Serves nobody; stops when told, or never."""

    def __init__(
        self,
        *,
        heeds_stop: bool = True,
        fails_with: Exception | None = None,
        signals: Sequence[signal.Signals] = (signal.SIGTERM,),
    ) -> None:
        self.ports = {"kafka": 9092, "management": 15672}
        self._heeds_stop = heeds_stop
        self._fails_with = fails_with
        self._stopped = asyncio.Event()
        self._signals = signals
        self.reloaded: list[Settings] = []

    async def run(self, started: asyncio.Event | None = None) -> None:
        if self._fails_with:
            raise self._fails_with
        assert started is not None
        started.set()
        for number in self._signals:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        await self._stopped.wait()

    def stop(self) -> None:
        if self._heeds_stop:
            self._stopped.set()

    def reload(self, settings: Settings) -> None:
        self.reloaded.append(settings)


HANG_UP = (signal.SIGHUP, signal.SIGTERM)


def test_a_hang_up_reads_the_settings_again() -> None:
    server, wanted = PretendedServer(signals=HANG_UP), from_tables({"topics": {"partitions": 7}})

    assert asyncio.run(serve(server, Settings(), lambda: wanted)) == 0

    assert server.reloaded == [wanted]


def test_settings_that_are_wrong_are_not_taken_over(caplog: pytest.LogCaptureFixture) -> None:
    def wrong() -> Settings:
        raise CommandFailed("there is no setting topics.colour")

    server = PretendedServer(signals=HANG_UP)

    assert asyncio.run(serve(server, Settings(), wrong)) == 0

    assert server.reloaded == []
    assert "the settings were not reloaded" in caplog.text


def test_listening_to_everybody_is_refused_at_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--kafka-host", "0.0.0.0"]) == 1

    said = capsys.readouterr().err
    assert "kafka.host: others than this machine could connect" in said
    assert "server.allow_open" in said


def test_it_says_when_it_is_ready_and_stops_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert asyncio.run(serve(PretendedServer(), Settings())) == 0

    assert "Kafka at 127.0.0.1:9092" in capsys.readouterr().out


def test_a_server_that_does_not_stop_is_cut_off() -> None:
    settings = from_tables({"server": {"stop_timeout_ms": 10}})

    assert asyncio.run(serve(PretendedServer(heeds_stop=False), settings)) == 1


def test_a_server_that_cannot_start_says_why() -> None:
    server = PretendedServer(fails_with=OSError("address in use"))

    with pytest.raises(OSError, match="address in use"):
        asyncio.run(serve(server, Settings()))


def test_the_ready_line_says_which_port_speaks_what() -> None:
    settings = from_tables({"management": {"host": "::1"}})

    line = ready_line({"kafka": 1, "kafka_tls": 2, "management": 3}, settings, 0.21)

    assert "is ready after 0.21 s: Kafka at 127.0.0.1:1, Kafka over TLS at 127.0.0.1:2, " in line
    assert line.endswith("page, API and metrics at http://[::1]:3")


def test_a_wrong_setting_is_told_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--kafka-port", "many"]) == 1
    assert "--kafka-port: 'many' should be a whole number" in capsys.readouterr().err

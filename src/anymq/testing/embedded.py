"""EmbeddedBroker: a whole broker in this process, in a thread, on free ports."""

import asyncio
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from anymq.config.model import Settings
from anymq.server import Server

STARTUP_SECONDS = 30
SHUTDOWN_SECONDS = 30


class EmbeddedBroker:
    """`with EmbeddedBroker() as broker:` gives a broker at `broker.kafka` until the block ends.

    It keeps its data in `data_dir`, or in a directory that goes when it stops. What it does not
    need is off: disk syncs (a test rarely cuts the power) and fixed ports. `settings` says
    otherwise.
    """

    def __init__(
        self, data_dir: Path | str | None = None, settings: Settings | None = None
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="anymq-") if data_dir is None else None
        directory = self._temporary.name if self._temporary is not None else str(data_dir)
        self.settings = _on_free_ports(settings or _for_tests(), directory)
        self.ports: dict[str, int] = {}
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._thread = threading.Thread(target=self._run, name="anymq-embedded", daemon=True)

    @property
    def kafka(self) -> str:
        """The bootstrap address of Kafka clients."""
        return f"{self.settings.kafka.host}:{self.ports['kafka']}"

    @property
    def management(self) -> str:
        """The address of metrics and health."""
        return f"http://{self.settings.management.host}:{self.ports['management']}"

    def start(self) -> Self:
        """Start; return when clients may connect."""
        self._thread.start()
        if not self._started.wait(STARTUP_SECONDS):
            raise TimeoutError("the broker did not start in time")
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop as on SIGTERM: finish, sync, leave."""
        if self._loop is not None and self._server is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(SHUTDOWN_SECONDS)
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = Server(self.settings)
        started = asyncio.Event()
        running = asyncio.create_task(self._server.run(started))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if started.is_set():
            self.ports = dict(self._server.ports)
            self._started.set()
        await running


def _for_tests() -> Settings:
    settings = Settings()
    return replace(settings, storage=replace(settings.storage, durability="os"))


def _on_free_ports(settings: Settings, directory: str) -> Settings:
    return replace(
        settings,
        server=replace(settings.server, data_dir=directory),
        kafka=replace(settings.kafka, port=0),
        management=replace(settings.management, port=0),
    )

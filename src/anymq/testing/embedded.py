"""EmbeddedBroker: a whole broker in this process, in a thread, on free ports."""

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from anymq.config.doors import own_doors
from anymq.config.load import from_tables
from anymq.config.model import Settings
from anymq.config.place import OFF
from anymq.server import Server
from anymq.testing.ports import Claim, claim_ports

STARTUP_SECONDS = 30
SHUTDOWN_SECONDS = 30

# Nobody waits for a disk: a test rarely cuts the power. `settings` may say otherwise.
STORAGE_FOR_TESTS = {"durability": "os"}

Tables = Mapping[str, Mapping[str, object]]


class EmbeddedBroker:
    """`with EmbeddedBroker() as broker:` gives a broker until the block ends.

    Kafka clients find it at `broker.kafka`, AMQP clients at `broker.amqp_url`.

    It listens on free ports of 127.0.0.1. Its data is in `data_dir`, which it leaves there, or in a
    directory that goes when it stops. `settings` are what the TOML file would hold,
    `{"topics": {"partitions": 4}}`, or a `Settings`, which is taken as it is.
    """

    def __init__(
        self,
        data_dir: Path | str | None = None,
        settings: Settings | Tables | None = None,
    ) -> None:
        self.settings = _complete(settings or {})
        self._claims: list[Claim] = []
        self.ports: dict[str, int] = {}
        self._data_dir = data_dir
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._run: _Run | None = None

    @property
    def kafka(self) -> str:
        """The bootstrap address of Kafka clients."""
        return f"{self.settings.kafka.host}:{self.ports['kafka']}"

    @property
    def amqp_url(self) -> str:
        """Where AMQP clients connect, with somebody who may: guest, unless there are users."""
        user, password = next(iter(_passwords(self.settings)), ("guest", "guest"))
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"amqp://{login}@{self.settings.amqp.host}:{self.ports['amqp']}/%2F"

    @property
    def management(self) -> str:
        """The address of metrics and health."""
        return f"http://{self.settings.management.host}:{self.ports['management']}"

    def start(self) -> Self:
        """Start; return when clients may connect. What it cannot start for is raised here."""
        if self._run is not None:
            raise RuntimeError("the broker is running already")
        directory = self._data_dir or self._make_temporary()
        server = replace(self.settings.server, data_dir=str(directory))
        self._run = _Run(replace(self._on_claimed_ports(), server=server))
        try:
            self.ports = self._run.wait_until_ready()
        except BaseException:
            self._run = None
            self._let_go()
            raise
        return self

    def stop(self) -> None:
        """Stop as on SIGTERM: finish, sync, leave. Harmless when it has stopped."""
        run, self._run = self._run, None
        try:
            if run is not None:
                run.stop()
        finally:
            self._let_go()

    def restart(self) -> None:
        """Stop it and start it again, with its data and on its ports: what do clients do?"""
        assert self._run is not None, "it is not running"
        self._run.stop()
        self._run = _Run(_on_ports(self._run.settings, self.ports))
        self._run.wait_until_ready()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _on_claimed_ports(self) -> Settings:
        """Take free ports where there are any: what is off stays off."""
        doors = [one.name for one in own_doors(self.settings) if one.port != OFF]
        self._claims = claim_ports(len(doors))
        ports = {name: claim.port for name, claim in zip(doors, self._claims, strict=True)}
        return _on_ports(self.settings, ports)

    def _let_go(self) -> None:
        for claim in self._claims:
            claim.holder.close()
        self._remove_temporary()

    def _make_temporary(self) -> str:
        self._temporary = tempfile.TemporaryDirectory(prefix="anymq-")
        return self._temporary.name

    def _remove_temporary(self) -> None:
        temporary, self._temporary = self._temporary, None
        if temporary is not None:
            temporary.cleanup()


class _Run:
    """One start of a server, in a thread with a loop of its own, until it stops."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._settled = threading.Event()  # it is ready, or has failed
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Server | None = None
        self._thread = threading.Thread(target=self._work, name="anymq-embedded", daemon=True)
        self._thread.start()

    def wait_until_ready(self) -> dict[str, int]:
        """Return the ports once clients may connect; raise what it failed with."""
        if not self._settled.wait(STARTUP_SECONDS):
            raise TimeoutError(f"the broker did not start within {STARTUP_SECONDS} s")
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        assert self._server is not None
        return dict(self._server.ports)

    def stop(self) -> None:
        """Return when it has stopped; raise what it failed with meanwhile."""
        if self._loop is not None and self._server is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: so has the server
                self._loop.call_soon_threadsafe(self._server.stop)
        self._thread.join(SHUTDOWN_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError(f"the broker did not stop within {SHUTDOWN_SECONDS} s")
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._settled.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = Server(self.settings)
        started = asyncio.Event()
        running = asyncio.create_task(self._server.run(started))
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if started.is_set():
            self._settled.set()
        await running


def _complete(settings: Settings | Tables) -> Settings:
    if isinstance(settings, Settings):
        return settings
    storage = {**STORAGE_FOR_TESTS, **settings.get("storage", {})}
    return from_tables({**settings, "storage": storage})


def _on_ports(settings: Settings, ports: Mapping[str, int]) -> Settings:
    def both(name: str) -> dict[str, Any]:
        return {"port": ports.get(name, OFF), "tls_port": ports.get(f"{name}_tls", OFF)}

    def web(name: str) -> dict[str, Any]:
        over = {f"websocket_{key}": port for key, port in both(f"{name}_websocket").items()}
        return {**both(name), **over}

    return replace(
        settings,
        kafka=replace(settings.kafka, **both("kafka")),
        amqp=replace(settings.amqp, **both("amqp")),
        mqtt=replace(settings.mqtt, **web("mqtt")),
        stomp=replace(
            settings.stomp,
            **web("stomp"),
            activemq_port=ports.get("stomp_activemq", OFF),
            activemq_tls_port=ports.get("stomp_activemq_tls", OFF),
        ),
        rocketmq=replace(
            settings.rocketmq,
            **both("rocketmq"),
            nameserver_port=ports.get("rocketmq_nameserver", OFF),
            nameserver_tls_port=ports.get("rocketmq_nameserver_tls", OFF),
            grpc_port=ports.get("rocketmq_grpc", OFF),
            grpc_tls_port=ports.get("rocketmq_grpc_tls", OFF),
        ),
        management=replace(settings.management, port=ports.get("management", OFF)),
    )


def _passwords(settings: Settings) -> list[tuple[str, str]]:
    """Those users whose password is known in clear."""
    return [
        (name, proof)
        for name, proofs in settings.users.items()
        for proof in proofs
        if not proof.startswith("SCRAM-")
    ]

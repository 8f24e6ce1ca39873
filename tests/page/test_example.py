"""The page of examples/browser: sensors by MQTT, and a bell into a queue, by STOMP."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pika
import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from typing_extensions import override

from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import Client, client
from tests.integration.shovelling import until
from tests.peers import npm

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "tests" / "conformance" / "stomp" / "stompjs"
PATIENCE_MS = 30_000


class Quiet(SimpleHTTPRequestHandler):
    """`python -m http.server`, but that it says nothing."""

    @override
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    handler = partial(Quiet, directory=str(ROOT / "examples" / "browser"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """As the example says that it is started."""
    settings = {"mqtt": {"port": 0}, "stomp": {"websocket_port": 0}}
    with EmbeddedBroker(tmp_path_factory.mktemp("data"), settings=settings) as broker:
        yield broker


@pytest.fixture(scope="module")
def library() -> str:
    """What the page loads from elsewhere: here it is from npm, by its hash."""
    try:
        modules = npm.installed("stompjs", PROJECT)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))
    return (modules / "@stomp/stompjs/bundles/stomp.umd.min.js").read_text()


@pytest.fixture
def page(context: BrowserContext, broker: EmbeddedBroker, site: str, library: str) -> Page:
    """Open, and connected."""

    def answer(route: Route) -> None:
        route.fulfill(content_type="text/javascript", body=library)

    page = context.new_page()
    page.route("https://cdn.jsdelivr.net/**", answer)
    page.goto(f"{site}/?broker=ws://localhost:{broker.ports['stomp_websocket']}/stomp")
    expect(page.locator("#state")).to_have_text("connected", timeout=PATIENCE_MS)
    return page


def test_what_sensors_say_is_seen(page: Page, broker: EmbeddedBroker) -> None:
    """By MQTT there, at once here; the newest of each."""
    with client("sensor", broker.ports["mqtt"]) as sensor:
        until(lambda: shown_after(page, sensor) or None)
        sensor.publish("sensors/roof", b"34", 1)
        sensor.publish("sensors/kitchen", "22 °C".encode(), 1)
    rows = page.locator("tr")
    expect(rows).to_have_text(["kitchen22 °C", "roof34"], timeout=PATIENCE_MS)


def shown_after(page: Page, sensor: Client) -> bool:
    """Is the subscription there? STOMP says so only to who asks; the page does not."""
    sensor.publish("sensors/kitchen", b"21", 1)
    return page.locator("tr").count() == 1


def test_the_bell_is_in_a_queue(page: Page, broker: EmbeddedBroker) -> None:
    """Until a worker has seen to it, of whatever protocol."""
    page.get_by_role("button").click()
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.queue_declare("bells", durable=True)
    found = until(lambda: channel.basic_get("bells", auto_ack=True)[2])
    assert found == b"ding"
    connection.close()

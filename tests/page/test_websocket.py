"""MQTT.js in a real browser, over WebSocket: whose pages may, and whose may not."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import BrowserContext, Page
from typing_extensions import override

from anymq.testing import EmbeddedBroker
from tests.peers import npm

PROJECT = Path(__file__).parents[1] / "conformance" / "mqtt" / "mqttjs"
TALK = """async ([url, topic]) => {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0 })
  await client.subscribeAsync(topic + '/#', { qos: 1 })
  const arrived = new Promise(resolve => client.on('message', (topic, payload) =>
    resolve([topic, payload.toString()])))
  await client.publishAsync(topic + '/t', 'häé from a browser', { qos: 2 })
  const said = await arrived
  await client.endAsync()
  return said
}"""
OPEN = """url => new Promise(resolve => {
  const socket = new WebSocket(url, 'mqtt')
  socket.onopen = () => resolve('open')
  socket.onerror = () => resolve('refused')
})"""


class Empty(BaseHTTPRequestHandler):
    """A page with nothing on it."""

    @override
    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>page</title>")


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """The port of a web server: routes of Playwright would have no address, so none of ours."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, site: int) -> Iterator[EmbeddedBroker]:
    """One with a door for the pages that are called localhost."""
    mqtt = {"websocket_port": 0, "websocket_origins": [f"http://localhost:{site}"]}
    with EmbeddedBroker(tmp_path_factory.mktemp("data"), settings={"mqtt": mqtt}) as broker:
        yield broker


@pytest.fixture(scope="module")
def library() -> str:
    """MQTT.js, as pages load it."""
    try:
        return (npm.installed("mqttjs", PROJECT) / "mqtt/dist/mqtt.min.js").read_text()
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))


def page_of(context: BrowserContext, host: str, site: int) -> Page:
    """A tab with an empty page from there."""
    page = context.new_page()
    page.goto(f"http://{host}:{site}/")
    return page


def url(broker: EmbeddedBroker) -> str:
    return f"ws://127.0.0.1:{broker.ports['mqtt_websocket']}/mqtt"


def test_mqttjs_in_a_browser(
    context: BrowserContext, broker: EmbeddedBroker, library: str, site: int
) -> None:
    """A page that may publishes, and reads what it published."""
    page = page_of(context, "localhost", site)
    page.add_script_tag(content=library)
    said = page.evaluate(TALK, [url(broker), "browser"])
    assert said == ["browser/t", "häé from a browser"]


@pytest.mark.parametrize(("host", "answer"), [("localhost", "open"), ("127.0.0.1", "refused")])
def test_whose_pages_may_connect(
    context: BrowserContext, broker: EmbeddedBroker, site: int, host: str, answer: str
) -> None:
    """A page from elsewhere must not be guest on its reader's machine."""
    assert page_of(context, host, site).evaluate(OPEN, url(broker)) == answer

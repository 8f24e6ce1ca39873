"""How long each page takes until it shows, in a real browser: prints it as JSON.

A page shows when all that it asks for at first has been answered and drawn. Its own scripts are
here by then: who opens the next page has them, too.
"""

import argparse
import json
import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

QUEUE = "queues/%2F/crowd-00042"
PAGES = {
    "connections": "connections",
    "channels": "channels",
    "groups": "groups",
    "exchanges": "exchanges",
    "exchange of 10,000 bindings": "exchanges/%2F/amq.topic",
    "its bindings": "exchanges/%2F/amq.topic?tab=from",
    "default exchange": "exchanges/%2F/amq.default",
    "queues": "queues",
    "queues with a name": "queues?name=0999",
    "queue": QUEUE,
    "queue, its bindings": f"{QUEUE}?tab=bindings",
    "topics": "topics",
    "messages": "messages",
    "messages of a queue": "messages/%2F/crowd-00042",
    "dead letters": "dead-letters",
    "delayed": "delayed",
    "jobs": "jobs",
    "tracing": "trace",
    "topology": "topology",
    "topology around a queue": "topology?focus=q:crowd-00042",
    "topology around an exchange": "topology?focus=e:amq.topic",
    "topology of the default exchange": "topology?focus=e:",
    "slow consumers": "slow",
    "health": "health",
    "users": "users",
    "virtual hosts": "vhosts",
    "virtual host": "vhosts/%2F",
    "policies": "policies",
    "limits": "limits",
    "definitions": "definitions",
    "audit": "audit",
    "http api": "http-api",
    "overview": "",
}
SORTED = {
    "queues": ("Ready", "In", "Out"),
    "connections": ("From client", "Client"),
    "channels": (),
}
ASKS_NOTHING = ("definitions",)  # it waits for what is wanted
SETTLED_MS = 150  # nothing more was asked for in this time: what follows is refreshing
SHOWS_MS_MAX = 30_000

# Counts what is asked for and not answered; notes when the last was answered and drawn.
WATCH = """
(() => {
  const here = { open: 0, asked: 0, begun: 0, at: 0 };
  const real = window.fetch;
  const over = () => requestAnimationFrame(() => setTimeout(() => {
    here.open--;
    here.at = performance.now();
  }));
  window.fetch = (...all) => {
    here.open++;
    here.asked++;
    const answer = real(...all);
    answer.then((one) => one.clone().text()).then(over, over);
    return answer;
  };
  window.bench = here;
})();
"""
BEGIN = "{ const b = window.bench; b.asked = 0; b.at = b.begun = performance.now(); }"
GO = "location.hash = '#/' + said;"
SORT = """
const heads = [...document.querySelectorAll(".t-head button")];
heads.find((one) => one.textContent === said).click();
"""
SCROLL = "const box = document.querySelector('.table-scroll'); box.scrollTo(0, box.scrollHeight);"
FORGET_SORTING = """
for (const key of Object.keys(localStorage)) {
  if (key.startsWith("anymq.sort.")) localStorage.removeItem(key);
}
"""
SETTLED = """
([ms, asked]) => {
  const b = window.bench, now = performance.now();
  const ghosts = document.querySelector(".t-body .ghost");
  return b.asked >= asked && b.open === 0 && !ghosts && now - b.at > ms && [b.at - b.begun];
}
"""


def main() -> None:
    """Open every page a few times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=Path, help="a folder for pictures of what was measured")
    arguments = parser.parse_args()
    with opened(f"http://127.0.0.1:{arguments.port}") as tab:
        times: dict[str, list[float]] = {}
        for _ in range(arguments.rounds):
            for name, seconds in tour(tab, arguments.pictures):
                times.setdefault(name, []).append(seconds)
    print(json.dumps({name: statistics.median(several) for name, several in times.items()}))


@contextmanager
def opened(address: str) -> Iterator[Page]:
    """Log in, with a browser of one's own."""
    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        tab.set_default_timeout(SHOWS_MS_MAX)
        tab.add_init_script(WATCH)
        tab.goto(f"{address}/")
        tab.get_by_label("Name", exact=True).fill("guest")
        tab.get_by_label("Password", exact=True).fill("guest")
        tab.get_by_role("button", name="Log in", exact=True).click()
        tab.locator("nav.side").wait_for()
        yield tab
        browser.close()


def chromium() -> str | None:
    """Return where it is, if it is anywhere."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def tour(tab: Page, pictures: Path | None) -> Iterator[tuple[str, float]]:
    """Go through all pages; yield how long each took."""
    tab.reload(wait_until="commit")
    yield "the first page, after a reload", settled(tab, asks=2)
    for name, path in PAGES.items():
        yield name, shown(tab, GO, path, asks=0 if name in ASKS_NOTHING else 1)
        if pictures is not None:
            tab.screenshot(path=pictures / f"{name.replace(' ', '-')}.png")
        if name in SORTED:
            for column in SORTED[name]:
                yield f"{name} by {column}", shown(tab, SORT, column)
            yield f"{name}, the end", shown(tab, SCROLL)
            tab.evaluate(FORGET_SORTING)


def shown(tab: Page, script: str, said: str = "", asks: int = 1) -> float:
    """Do something; return the seconds until what it leads to is drawn."""
    tab.evaluate(f"(said) => {{ {BEGIN} {script} }}", said)
    return settled(tab, asks)


def settled(tab: Page, asks: int) -> float:
    """Return the seconds until so many requests at least were answered, and nothing more asked."""
    said = tab.wait_for_function(SETTLED, arg=[SETTLED_MS, asks], polling=10)
    [milliseconds] = said.json_value()
    return float(milliseconds) / 1000


if __name__ == "__main__":
    main()

"""The files of the page: what browsers get, and how long they may keep it."""

import gzip
import re

from anymq.management.http import Request, Response
from anymq.management.page_files import page_files
from anymq.management.pages import make_pages, metrics_page
from anymq.observability.metrics import Registry

FILES = page_files()
PAGES = make_pages({"/metrics": metrics_page(Registry(), lambda: iter(()))}, lambda: ())
HTML = {"accept": "text/html,*/*"}


def ask(path: str, headers: dict[str, str]) -> Response:
    answer = PAGES[path](Request("GET", path, headers=headers))
    assert isinstance(answer, Response)
    return answer


def test_browsers_get_the_page_and_scripts_a_list() -> None:
    """`curl host:15672/` has always said which paths there are."""
    assert ask("/", HTML).content_type.startswith("text/html")
    assert b"/metrics\n" in ask("/", {"accept": "*/*"}).body


def test_all_that_the_page_names_is_there() -> None:
    page = ask("/", HTML).body.decode()
    named = re.findall(r'(?:src|href)="\./([^"]+)"', page)
    assert len(named) >= 3
    assert all(f"/{name}" in FILES for name in named)
    assert "http" not in re.sub(r'content="[^"]*"', "", page)  # nothing from elsewhere


def test_what_may_change_is_asked_for_again() -> None:
    """The name of a file says its content; the page says the names."""
    kept = {path: dict(ask(path, HTML).headers)["Cache-Control"] for path in FILES}
    assert kept.pop("/") == "no-cache"
    assert kept.pop("/licenses.txt") == "no-cache"
    assert all("immutable" in one for one in kept.values())


def test_compressed_for_who_can_read_it() -> None:
    [script] = [path for path in FILES if path.endswith(".js")]
    plain, packed = ask(script, {}), ask(script, {"accept-encoding": "br, gzip"})
    assert dict(packed.headers)["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2

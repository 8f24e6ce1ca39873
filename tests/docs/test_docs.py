"""Is what we write down still so?"""

import argparse
import importlib
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks import report
from benchmarks.measuring import Comparison
from benchmarks.run import COMPARISONS, DOCUMENT, RESULTS, chart_of, documents

from anymq.cli.main import COMMANDS, command_of
from anymq.config.load import ConfigError, from_tables
from anymq.config.model import declared
from anymq.management import kafka_metrics as _declares_more  # noqa: F401
from anymq.management import metrics as _declares_metrics  # noqa: F401
from anymq.management import rabbitmq_metrics as _declares_others  # noqa: F401
from anymq.observability.metrics import DECLARED

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(
    page for place in ("*.md", "docs/**/*.md", "examples/*.md") for page in ROOT.glob(place)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
FIXTURES = {"anymq_session", "anymq_settings"}  # of our pytest plugin
FENCED = re.compile(r"```.*?```", re.DOTALL)


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def anchors_of(page: Path) -> set[str]:
    """The anchors that a Markdown page gets from its headings, as GitHub makes them."""
    headings = HEADING.findall(FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def map_of_files() -> Iterator[Path]:
    """The paths in ARCHITECTURE.md's map: names at the start of a line, indented by folder."""
    listing = text_of("ARCHITECTURE.md").partition("## The map")[2].partition("```")[2]
    folders: list[tuple[int, Path]] = []
    for line in listing.partition("```")[0].splitlines():
        entry = re.match(r"( *)([\w./]+)(?:  |$)", line)
        if entry is None or len(entry[1]) > 12:
            continue
        while folders and folders[-1][0] >= len(entry[1]):
            folders.pop()
        path = (folders[-1][1] if folders else ROOT) / entry[2]
        yield path
        if entry[2].endswith("/"):
            folders.append((len(entry[1]), path))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_page_is_reachable(page: Path) -> None:
    """What nothing links to, nobody finds."""
    others = [other for other in PAGES if other != page]
    links = {
        (other.parent / link.partition("#")[0]).resolve()
        for other in others
        for link in LINK.findall(other.read_text())
    }
    assert page in links or page == ROOT / "README.md"


def test_the_map_shows_what_there_is() -> None:
    missing = [str(path) for path in map_of_files() if not path.exists()]

    assert missing == []
    assert len(list(map_of_files())) > 20


def test_every_setting_metric_and_command_is_in_the_reference() -> None:
    settings, metrics = text_of("docs/reference/settings.md"), text_of("docs/reference/metrics.md")
    commands = text_of("docs/reference/commands.md")

    assert [each.key for each in declared() if f"### `{each.key}`" not in settings] == []
    assert [name for name in DECLARED if f"`{name}`" not in metrics] == []
    assert [name for name in COMMANDS if f"`anymq {name}`" not in commands] == []


@pytest.mark.parametrize(
    "generator",
    [["-m", "tools.reference"], ["-m", "anymq.protocols.kafka.schema.generate"]],
    ids=["reference", "codecs"],
)
def test_generated_files_are_fresh(generator: list[str]) -> None:
    """./dev docs writes them."""
    done = subprocess.run(
        [sys.executable, *generator, "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("comparison", COMPARISONS.values(), ids=COMPARISONS)
def test_tables_and_charts_say_what_was_measured(comparison: Comparison) -> None:
    """./dev bench PEER --write writes them."""
    page, chart = documents(comparison)
    assert DOCUMENT.read_text() == page
    assert chart_of(comparison).read_text() == chart
    outcomes, _ = report.read(comparison, RESULTS)
    bars = ElementTree.fromstring(chart).findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == sum(one.ratio(comparison.peer) is not None for one in outcomes) > 10


def test_settings_that_pages_name_exist() -> None:
    """`kafka.port` in a page is a promise."""
    known = {each.key for each in declared()}
    sections = "|".join(sorted({each.section for each in declared()}))
    mention = re.compile(rf"`((?:{sections})\.[a-z_]+)(?: = [^`]*)?`")
    for page in PAGES:
        if page.name == "topic-configs.md":
            continue  # its names are Kafka's
        wrong = {key for key in mention.findall(page.read_text()) if key not in known}
        wrong -= {"security.protocol"}  # a setting of Kafka's clients
        assert {key for key in wrong if not key.endswith((".py", ".md"))} == set(), page


def test_metrics_that_pages_name_exist() -> None:
    """An alert on a metric that is none never rings."""
    mention = re.compile(r"\b(?:anymq|process)_[a-z_]+\b(?!\()")
    for page in sorted(ROOT.glob("docs/how-to/*.md")):
        names = {name.removesuffix("_bucket") for name in mention.findall(page.read_text())}
        assert names - set(DECLARED) - FIXTURES == set(), page


def command_lines(page: Path) -> Iterator[list[str]]:
    """Every call of ours in the blocks of a page, as words, without its pipes and input."""
    for line in "\n".join(FENCED.findall(page.read_text())).splitlines():
        call = re.search(r"(?:^|\| |' )anymq ([a-z][^|]*)", line)
        if call is not None:
            yield shlex.split(call[1].partition(" <")[0], comments=True)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_command_lines_in_pages_are_understood(page: Path) -> None:
    """Whoever copies a line from a page should not be told that there is no such thing."""
    for word, *flags in command_lines(page):
        name = command_of(word)
        assert name in COMMANDS
        parser = argparse.ArgumentParser(name, allow_abbrev=False, exit_on_error=False)
        importlib.import_module(COMMANDS[name][0]).configure(parser)
        try:
            parser.parse_args(flags)
        except (argparse.ArgumentError, SystemExit) as error:
            pytest.fail(f"anymq {name} {' '.join(flags)}: {error}")


def test_settings_in_examples_are_taken() -> None:
    """Every TOML block in a page could be somebody's file."""
    for page in PAGES:
        for block in re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL):
            try:
                from_tables(tomllib.loads(block))
            except ConfigError as error:
                pytest.fail(f"{named(page)}: {error}")

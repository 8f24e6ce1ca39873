"""Where the dialogues are, and what was answered to them before: golden files, by broker.

`golden/rabbitmq/` holds what the newest RabbitMQ answers. `golden/rabbitmq-3.10/` and
`golden/anymq/` hold only what differs there: the latter with a reason for each, in `chosen.toml`.
"""

import importlib
import pkgutil
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.differential.amqp import dialogues
from tests.differential.amqp.talk import Talk

HERE = Path(__file__).parent
GOLDEN = HERE / "golden"
NEWEST = "rabbitmq"
APART = "connecting."
CHOSEN = HERE / "chosen.toml"
Dialogue = Callable[[Talk], None]
Transcripts = Mapping[str, list[str]]


def all_dialogues() -> Iterator[tuple[str, Dialogue]]:
    """Every public function of every module, as "module.function"."""
    for found in pkgutil.iter_modules(dialogues.__path__):
        module = importlib.import_module(f"{dialogues.__name__}.{found.name}")
        for name, function in vars(module).items():
            if not name.startswith("_") and getattr(function, "__module__", "") == module.__name__:
                yield f"{found.name}.{name}", function


class Asked:
    """One broker, and what it answered so far.

    Those of APART share nothing, and wait long: a refused login is answered late. They are had at
    once, the others one after another.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._apart: dict[str, list[str]] = {}

    def said(self, name: str) -> list[str]:
        """The transcript of one dialogue."""
        dialogues = dict(all_dialogues())
        if not name.startswith(APART):
            return Talk(self.port).transcript(dialogues[name])
        if not self._apart:
            apart = [each for each in dialogues if each.startswith(APART)]
            with ThreadPoolExecutor(len(apart)) as pool:
                had = pool.map(lambda each: Talk(self.port).transcript(dialogues[each]), apart)
                self._apart = dict(zip(apart, had, strict=True))
        return self._apart[name]


def overlay(version: str) -> str:
    """The folder with what a RabbitMQ of this version answers otherwise than the newest."""
    return f"rabbitmq-{'.'.join(version.split('.')[:2])}"


def expected(*layers: str) -> dict[str, list[str]]:
    """What is answered, by dialogue: of the newest RabbitMQ, then of each layer over it."""
    merged: dict[str, list[str]] = {}
    for layer in (NEWEST, *layers):
        for path in sorted((GOLDEN / layer).glob("*.txt")):
            merged |= {f"{path.stem}.{name}": lines for name, lines in _sections(path)}
    return merged


def recorded_version() -> str:
    """Of the RabbitMQ whose answers are the golden ones."""
    return (GOLDEN / NEWEST / "version").read_text().strip()


def chosen() -> dict[str, str]:
    """Where anymq answers otherwise on purpose, and why."""
    groups = tomllib.loads(CHOSEN.read_text()).values()
    return {name: group["why"] for group in groups for name in group["dialogues"]}


def write(layer: str, transcripts: Transcripts) -> None:
    """Replace the layer by these."""
    folder = GOLDEN / layer
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.txt"):
        path.unlink()
    for module in sorted({name.partition(".")[0] for name in transcripts}):
        sections = [
            "\n".join([f"== {name.partition('.')[2]}", *lines, ""])
            for name, lines in transcripts.items()
            if name.partition(".")[0] == module
        ]
        (folder / f"{module}.txt").write_text("\n".join(sections))


def _sections(path: Path) -> Iterable[tuple[str, list[str]]]:
    for section in path.read_text().split("== ")[1:]:
        name, _, rest = section.partition("\n")
        yield name, rest.rstrip("\n").split("\n") if rest.strip() else []

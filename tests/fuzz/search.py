"""Search: what the fuzzers of sessions share."""

import importlib
import logging
import sys
import tempfile
from functools import partial
from pathlib import Path

from typing_extensions import override

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris (Linux, CPython)")

STEP_SECONDS_MAX = 1.0  # instrumented code is some ten times slower: 100 ms without


class Noticed(logging.Handler):
    """A bug that was caught and logged is a bug."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Raise what was caught."""
        if record.exc_info and record.exc_info[1] is not None:
            raise record.exc_info[1]


def search(conversation: str) -> None:
    """Have libFuzzer look for what this kind of conversation cannot bear, from its seeds on."""
    with atheris.instrument_imports(include=["anymq"]):
        kind = importlib.import_module(f"tests.fuzz.{conversation}")
    talk = partial(kind.talk, kind.Rooms()) if hasattr(kind, "Rooms") else kind.talk

    def one_input(data: bytes) -> None:
        """Nothing may come out, and no step may take long."""
        took = talk(data)
        assert took < STEP_SECONDS_MAX, f"a step took {took:.3f} s"

    logging.getLogger("anymq").addHandler(Noticed())
    logging.getLogger("anymq").setLevel(logging.ERROR)
    logging.raiseExceptions = True
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(kind.seeds()):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], one_input)
        atheris.Fuzz()

"""Search for bytes that a WebSocket session cannot bear.

`python tests/fuzz/fuzz_websocket_session.py -max_total_time=60`: the arguments are libFuzzer's.
What an input means is in websocket_conversation.py.
"""

import logging
import sys
import tempfile
from pathlib import Path

from typing_extensions import override

try:
    import atheris
except ImportError:
    sys.exit("atheris is not installed: pip install atheris (Linux, CPython)")

sys.path.insert(0, str(Path(__file__).parents[2]))
with atheris.instrument_imports(include=["anymq"]):
    from tests.fuzz.websocket_conversation import seeds, talk

STEP_SECONDS_MAX = 1.0  # instrumented code is some ten times slower: 100 ms without


def one_input(data: bytes) -> None:
    """Nothing may come out, and no step may take long."""
    took = talk(data)
    assert took < STEP_SECONDS_MAX, f"a step took {took:.3f} s"


class Noticed(logging.Handler):
    """A bug that was caught and logged is a bug."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Raise what was caught."""
        if record.exc_info and record.exc_info[1] is not None:
            raise record.exc_info[1]


if __name__ == "__main__":
    logging.getLogger("anymq").addHandler(Noticed())
    logging.getLogger("anymq").setLevel(logging.ERROR)
    logging.raiseExceptions = True
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], one_input)
        atheris.Fuzz()

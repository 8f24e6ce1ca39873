"""Every fuzzer for a while. `./dev fuzz SECONDS` looks longer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = int(os.environ.get("ANYMQ_FUZZ_SECONDS", 12 * int(os.environ.get("ANYMQ_EFFORT", "1"))))
SCRIPTS = sorted(Path(__file__).parent.glob("fuzz_*.py"))


@pytest.mark.timeout(SECONDS + 120)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_no_bytes_break_it(script: Path, tmp_path: Path) -> None:
    """What it cannot stand is in the output, to be made a test of its own."""
    pytest.importorskip("atheris", reason="no atheris for this Python or platform")
    arguments = [f"-max_total_time={SECONDS}", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]

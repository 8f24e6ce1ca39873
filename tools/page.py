"""Build the management page from ui/ into the package; with --check: say whether that was done.

What is built is committed, so that nobody needs node to install or run the broker. Beside it lies
a file that says of which sources it was made. The check compares that; and, where npm is there,
runs the unit tests, builds anew and compares every file.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UI = ROOT / "ui"
BUILT = ROOT / "src/anymq/management/page"
MADE_OF = BUILT / "made-of"
LOCK = UI / "package-lock.json"
INSTALLED = UI / "node_modules/.installed"  # says what the packages were installed from
NOT_SOURCES = ("node_modules", "README.md", ".gitignore")


def main(arguments: list[str]) -> int:
    """Build, or check."""
    if "--check" in arguments:
        return check()
    if not install():
        print("npm is needed to build the page (apt install nodejs npm)")
        return 1
    if status := build(BUILT):
        return status
    MADE_OF.write_text(stamp(BUILT))
    return 0


def check() -> int:
    """Compare what is committed with its sources."""
    if not MADE_OF.exists() or MADE_OF.read_text() != stamp(BUILT):
        print("the page was not built from these sources: ./dev page")
        return 1
    if not install():
        print("the page is of these sources, says its digest; without npm it is not built anew")
        return 0
    if status := run("vitest", "run", "--silent", "--reporter=dot"):
        return status
    with tempfile.TemporaryDirectory() as folder:
        anew = Path(folder)
        if status := build(anew):
            return status
        if digest(files(anew)) != digest(files(BUILT)):
            print("these sources make another page than the one that is committed: ./dev page")
            return 1
    return 0


def stamp(built: Path) -> str:
    """Return what says of which sources these files are made."""
    return f"sources {digest(sources())}\nbuilt {digest(files(built))}\n"


def sources() -> Iterator[tuple[str, Path]]:
    """Go through all that makes the page what it is."""
    for name, path in files(UI):
        if name.split("/")[0] not in NOT_SOURCES and not name.endswith(".test.ts"):
            yield name, path


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Go through the files of a folder, in one order everywhere."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and path != MADE_OF and not name.startswith("node_modules/"):
            yield name, path


def digest(named: Iterator[tuple[str, Path]]) -> str:
    """Return one digest of names and contents."""
    whole = hashlib.sha256()
    for name, path in named:
        whole.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def install() -> bool:
    """Have node_modules hold what the lock file says. Quick when it does."""
    npm = shutil.which("npm")
    if npm is None:
        return False
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if INSTALLED.exists() and INSTALLED.read_text() == wanted:
        return True
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(command, cwd=UI, check=False).returncode:
        return False
    INSTALLED.write_text(wanted)
    return True


def build(folder: Path) -> int:
    """Check the types and build into a folder."""
    if status := run("tsc", "--noEmit"):
        return status
    return run("vite", "build", "--logLevel=warn", "--emptyOutDir", f"--outDir={folder}")


def run(tool: str, *arguments: str) -> int:
    """Run a tool of those that were installed."""
    binary = UI / "node_modules/.bin" / tool
    return subprocess.run([str(binary), *arguments], cwd=UI, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

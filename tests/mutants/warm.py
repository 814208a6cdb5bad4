"""Run pytest many times, each time in a fork of a process that has loaded the libraries once.

The libraries, and never the package under test: a fork imports that from its own folder.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

LIBRARIES = (
    "hypothesis",
    "jinja2",
    "jsonschema",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
    "mlxtend",
    "pandas",
    "pooch",
    "pytest",
    "requests",
    "rich.progress",
    "rich.table",
    "safetensors.torch",
    "scipy.stats",
    "torch.nn.functional",
    "tqdm",
)
TIMEOUT_S = 900

PYTEST = (
    *("-x", "-q", "-p", "no:cacheprovider"),
    # pytest cannot rewrite the assertions of a plugin that is loaded already.
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)


class Warm:
    """A process with the libraries loaded, which runs pytest in a fork on request.

    Args:
        libraries: the modules that it loads.
        environment: what its runs have beside ``PYTHONPATH``.
    """

    def __init__(self, libraries: Iterable[str], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, *libraries],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, place: Path, tests: Sequence[str], output: Path) -> int:
        """Run tests in a folder, from which the package is imported.

        Args:
            place: the folder.
            tests: pytest's arguments.
            output: the file for what pytest prints.

        Returns:
            pytest's exit code, or the negative number of the signal that ended it.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        job = {"place": str(place), "tests": list(tests), "output": str(output)}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def __enter__(self) -> Warm:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        self.process.communicate()


def serve(libraries: Sequence[str]) -> None:
    """Load the libraries, then run what the standard input asks for, until it ends."""
    for name in libraries:
        importlib.import_module(name)
    # At its end pytest collects garbage ten times: nothing of the libraries is any.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner's business, which then ends this
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if not child:
            _run(**job)

        def end(*_: object, child: int = child) -> None:
            os.killpg(child, signal.SIGKILL)
            os._exit(0)

        signal.signal(signal.SIGTERM, end)
        _, status = os.waitpid(child, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer


def _run(place: str, tests: list[str], output: str) -> None:
    """Run pytest in this process as ``python -m pytest`` would in that folder, and exit."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(TIMEOUT_S)
    os.chdir(place)
    os.environ["PYTHONPATH"] = place
    sys.path[0] = place
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for there, here in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(there, here)
    import pytest

    code = int(pytest.main([*PYTEST, *tests]))
    loaded = getattr(sys.modules.get("repro"), "__file__", None)
    if loaded is not None and not Path(loaded).is_relative_to(place):
        print(f"the package was imported from {loaded}, not from {place}")  # noqa: T201
        code = -1
    sys.stdout.flush()
    sys.exit(code)


if __name__ == "__main__":
    serve(sys.argv[1:])

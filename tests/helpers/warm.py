"""A Python that starts at once: forks of a process that has loaded the libraries already.

The libraries, and never the package under test: a fork imports that from its own ``PYTHONPATH``.
:class:`Warm` runs commands, and makes an executable that takes the place of ``python`` for other
programs. What a fresh interpreter does at its very start, such as reading ``PYTHONHASHSEED``,
needs a fresh interpreter.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LIBRARIES = (
    "jinja2",
    "jsonschema",
    "pandas",
    "pytest",
    "rich.progress",
    "rich.table",
    "safetensors.torch",
    "scipy.special",
    "torch._dynamo",
    "torch.nn.functional",
)
"""What every command of the suite loads."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For the process that is forked: a fork has none of its threads."""

PYTEST = ("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning")
"""For pytest in a fork, which cannot rewrite the assertions of a plugin that is loaded."""


class Warm:
    """A process with the libraries loaded, whose forks run commands.

    Args:
        libraries: the modules that it loads.
        folder: of a process that another one has started, and ends.
    """

    def __init__(self, libraries: Sequence[str] = LIBRARIES, *, folder: str | None = None) -> None:
        import subprocess

        self.server = None
        self.folder = folder or tempfile.mkdtemp(prefix="warm-")
        self.address = str(Path(self.folder) / "socket")
        if folder is not None:
            return
        command = f'exec "{sys.executable}" -I -S "{__file__}" run "{self.address}" "$@"'
        self.python().write_text(f'#!/bin/sh\nWARM_PYTHON="$0" {command}\n', encoding="utf-8")
        self.python().chmod(0o755)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(self.address)
            door.listen(16)  # whoever asks now waits until the libraries are loaded
            self.server = subprocess.Popen(
                [sys.executable, "-I", __file__, "serve", str(door.fileno()), *libraries],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,  # nothing to seek in, whatever the fork's turns out to be
                pass_fds=[door.fileno()],
                env={n: v for n, v in os.environ.items() if not n.startswith("PYTHON")}
                | ONE_THREAD,
            )

    def python(self) -> Path:
        """An executable that is given ``-c`` or ``-m`` and runs in a fork."""
        return Path(self.folder) / "python"

    def run(
        self,
        words: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        output: Path,
        seconds: float,
    ) -> int:
        """Run ``python WORDS`` in a folder.

        Args:
            words: the interpreter's arguments.
            folder: where.
            environment: all of its variables.
            output: the file for what it prints.
            seconds: after which it is killed.

        Returns:
            The exit code, or the negative number of the signal that ended it.
        """
        with output.open("wb") as file, Path(os.devnull).open("rb") as nothing:
            files = [nothing.fileno(), file.fileno(), file.fileno()]
            return ask(self.address, words, str(folder), environment, files, seconds)

    def close(self) -> None:
        if self.server is not None:
            self.server.communicate()  # the end of its standard input
            shutil.rmtree(self.folder)

    def __enter__(self) -> Warm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(
    address: str,
    words: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    files: list[int],
    seconds: float | None = None,
) -> int:
    """Have the server run a command with these files; its exit code."""
    job = json.dumps({"words": list(words), "folder": folder, "environment": dict(environment)})
    with socket.socket(socket.AF_UNIX) as server:
        server.settimeout(seconds)
        server.connect(address)
        content = job.encode("utf-8", "surrogateescape")
        socket.send_fds(server, [len(content).to_bytes(8, "big")], files)
        server.sendall(content)
        try:
            return int(server.recv(16) or -signal.SIGKILL)
        except TimeoutError:
            return -signal.SIGALRM


# In the server


def serve(number: int, libraries: Sequence[str]) -> None:
    """Load the libraries, then run what the socket ``number`` brings until standard input ends."""
    import atexit
    import gc

    os.setsid()  # an interrupt is for whoever asks
    for name in libraries:
        with contextlib.suppress(ImportError):  # not everything is needed everywhere
            importlib.import_module(name)
    # At its end pytest collects garbage ten times: nothing of the libraries is any.
    gc.collect()
    gc.freeze()
    if "triton" in sys.modules:  # which comes with torch for CUDA, and prints what is not freed
        atexit.register(gc.unfreeze)
    with socket.socket(fileno=number) as door:
        while True:
            found, _, _ = select.select([door, 0], [], [])
            if 0 in found:
                return
            client, _ = door.accept()
            if not os.fork():
                door.close()
                _attend(client)
            client.close()
            with contextlib.suppress(ChildProcessError):  # there is none
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _attend(client: socket.socket) -> None:
    """Run one command in a child, tell its exit code, and kill it where the client is gone."""
    size, files, _, _ = socket.recv_fds(client, 8, 3)
    content = b""
    while len(content) < int.from_bytes(size, "big"):
        content += client.recv(1 << 16)
    child = os.fork()
    if not child:
        client.close()
        os.setsid()
        for there, here in zip(files, (0, 1, 2), strict=True):
            os.dup2(there, here)
            os.close(there)
        job = json.loads(content.decode("utf-8", "surrogateescape"))
        try:
            _become(**job)
            sys.exit()
        except SystemExit as end:
            _leave(end.code)
            raise
    for there in (*files, 0, 1, 2):
        os.close(there)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            client.sendall(str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        if select.select([client], [], [], 0.01)[0]:
            os.killpg(child, signal.SIGKILL)
            os._exit(0)


def _become(words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Do in this process what ``python WORDS`` does."""
    import runpy
    from types import ModuleType

    os.chdir(folder)
    # What this process starts itself shall be warm, too.
    sys.executable = environment.pop("WARM_PYTHON", sys.executable)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    named = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = ["", *named]
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(int(environment.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    with contextlib.suppress(ImportError):
        importlib.import_module("sitecustomize")
    while words[0] in ("-u", "-B"):
        words = words[1:]
    if words[0] == "-mpytest":
        words = ["-m", "pytest", *words[1:]]
    kind, what, *rest = words
    sys.argv = [kind, *rest]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.modules["__main__"] = main = ModuleType("__main__")
        main.__dict__["__builtins__"] = __builtins__
        exec(compile(what, "<string>", "exec"), main.__dict__)  # noqa: S102 - as python does
    else:
        raise SystemExit(f"python {kind} is not for a warm process")


def _leave(code: object) -> None:
    """End the process as its interpreter would, but leave what it has loaded to the system.

    To take that apart one by one is most of what a short command takes. Nothing is destroyed, so
    that a file left open is not written to its end. What goes wrong before that is left to the
    interpreter, which has its own words for it.
    """
    import atexit
    import threading

    if code is not None and not isinstance(code, int):
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        threading._shutdown()  # type: ignore[attr-defined] - what an interpreter does first
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


def _run(address: str, words: Sequence[str]) -> Any:
    """Take the place of ``python WORDS``."""
    code = ask(address, words, os.getcwd(), os.environ, [0, 1, 2])  # noqa: PTH109 - no imports
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), sys.argv[3:])
    else:
        _run(sys.argv[2], sys.argv[3:])

"""What produced a number: versions, processor, threads, kernel, device, commit and data."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from repro import paths
from repro.lab import matmul
from repro.lab.mnist.data import Mnist

LIMITS = (
    *("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE"),
    *("MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR"),
)
"""Variables by which a user chooses the instructions of torch's libraries."""


def processor() -> str:
    """Tell the processor's name, as far as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def instructions() -> str:
    """Tell the instruction set of torch's kernels, and what else limits it.

    On a machine with AVX-512 that is ``AVX512``, also where a variable such as
    ``ONEDNN_MAX_CPU_ISA=AVX2`` limits one library alone: that is told behind it.
    """
    limits = [f"{name}={os.environ[name]}" for name in LIMITS if name in os.environ]
    return ", ".join([torch.backends.cpu.get_cpu_capability(), *limits])


def describe(device: str) -> dict[str, Any]:
    """Describe versions, hardware and settings of a run on ``device``, as JSON values."""
    kernel = matmul.name()
    if device != "cpu":
        kernel, device = "aten", f"{device} ({torch.cuda.get_device_name(device)})"
    return {
        "torch": torch.__version__,
        "numpy": metadata.version("numpy"),
        "python": platform.python_version(),
        "cpu": processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "kernel": kernel,
        "device": device,
    }


def now() -> str:
    """Tell the time in UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def commit(folder: Path) -> tuple[str, bool]:
    """Tell the commit checked out in ``folder`` and whether tracked files differ from it.

    ``("unknown", False)`` without git, and where ``folder`` is not the root of a git checkout: a
    package installed somewhere below another project's is not of that project's commit. Nothing
    is locked: a run that is killed just here must not leave a checkout that takes no commit.
    """
    try:
        if Path(_git(folder, "rev-parse", "--show-toplevel")).resolve() != folder.resolve():
            return "unknown", False
        changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
        return _git(folder, "rev-parse", "HEAD"), bool(changes)
    except (OSError, subprocess.SubprocessError):
        return "unknown", False


def last(folder: Path, form: str, path: Path | None = None) -> str:
    """Tell of the commit checked out, or of the last one that changed ``path``.

    ``form`` is what to tell, as ``git log --format`` takes it. The answer is empty where git
    cannot tell, as a clone without its history cannot of a path.
    """
    try:
        if path and _git(folder, "rev-parse", "--is-shallow-repository") == "true":
            return ""
        return _git(folder, "log", "-1", f"--format={form}", "--", *([str(path)] if path else []))
    except (OSError, subprocess.SubprocessError):
        return ""


def header(data: Mnist, device: str, command: str) -> dict[str, Any]:
    """Say what a report's numbers were made with; ``coverage`` is still to come."""
    about, home = describe(device), paths.home()
    revision, dirty = commit(home)
    known = revision != "unknown"  # else git would tell of another project
    return {
        "kind": "run",
        "commit": revision,
        "subject": last(home, "%s") if known else "",
        "evidence": last(home, "%h", paths.fixtures() / "populations") if known else "",
        "dirty": dirty,
        "versions": {name: about[name] for name in ("python", "torch", "numpy")},
        "cpu": about["cpu"],
        "instructions": instructions(),
        "threads": about["threads"],
        "device": about["device"],
        "data": {"kind": data.kind, "source": data.source, "hashes": data.hashes},
        "command": command,
        "start": now(),
    }


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed words, no shell
        ["git", "--no-optional-locks", "-C", str(folder), *words],  # noqa: S607 - git from PATH is meant
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",  # as paths have it
        timeout=10,
        check=True,
    )
    return done.stdout.strip()

"""What a report's numbers were made with: the commit, the machine, the versions and the data."""

from __future__ import annotations

from typing import Any

from repro import paths
from repro.lab import provenance
from repro.lab.mnist.data import Mnist


def new_header(data: Mnist, device: str, command: str) -> dict[str, Any]:
    """Say what a report's numbers were made with; ``coverage`` is still to come."""
    about = provenance.describe(device)
    home = paths.home()
    commit, dirty = provenance.commit(home)
    known = commit != "unknown"  # else git would tell of another project
    return {
        "kind": "run",
        "commit": commit,
        "subject": provenance.last(home, "%s") if known else "",
        "evidence": provenance.last(home, "%h", paths.fixtures() / "populations") if known else "",
        "dirty": dirty,
        "versions": {name: about[name] for name in ("python", "torch", "numpy")},
        "cpu": about["cpu"],
        "instructions": provenance.instructions(),
        "threads": about["threads"],
        "device": about["device"],
        "data": {"kind": data.kind, "source": data.source, "hashes": data.hashes},
        "command": command,
        "start": provenance.now(),
    }

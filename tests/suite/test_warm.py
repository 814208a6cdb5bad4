"""A warm process, which leaves its end to the system, ends as a Python of its own does."""

from __future__ import annotations

import subprocess
import sys

import pytest

ENDS = {
    "by itself": "print('said', end='')",
    "with a number": "print('said'); raise SystemExit(3)",
    "with words": "import sys; sys.exit('no such thing')",
    "with nothing": "import sys; sys.exit(None)",
    "with its output closed": "import sys; print('said'); sys.stdout.close()",
    "with what was left for the end": "import atexit; atexit.register(print, 'at the end')",
    "after its threads": """
import threading, time
threading.Thread(target=lambda: (time.sleep(0.05), print("late"))).start()
""",
}


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_it_ends_as_python_does(code, warm):
    found = [
        subprocess.run([python, "-c", code], capture_output=True, check=False, encoding="utf-8")
        for python in (warm.python(), sys.executable)
    ]
    mine, plain = ((one.returncode, one.stdout, one.stderr) for one in found)
    assert mine == plain

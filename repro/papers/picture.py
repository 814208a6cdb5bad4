"""Make the images that a paper shows again, from what a run has just measured.

A paper's optional ``pictures.py`` offers ``PICTURES``. A picture is made by the process that
measured its experiment, from the same networks and memory, and travels to the report through
the folder that the run's processes share. One that cannot be made is reported, and fails nothing.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from repro.atomic import write_atomic
from repro.claims.schema import SLUG
from repro.errors import ClaimsError, UsageError
from repro.judge.populations import name_of
from repro.papers import registry

if TYPE_CHECKING:  # torch is loaded only when a claim runs
    from repro.papers.experiment import Run

SIDE = 28
MOST_PICTURES, MOST_ROWS, MOST_IMAGES, LONGEST_NAME = 40, 8, 12, 100
"""In a report, in a picture, in a row, in characters: as ``report.schema.json`` has it."""
_SHOWN = ("name", "place", "title", "caption", "experiment")
_SUFFIX = ".pictures.json"


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Row:
    """One line of a picture.

    Args:
        label: what all its images are.
        images: (N, 28, 28) uint8, 0 is black.
        labels: one an image, such as what the network makes of it; or none.
    """

    label: str
    images: NDArray[np.uint8]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A picture that a paper's ``pictures.py`` offers.

    Args:
        name: a slug that begins with the paper's id; the picture's anchor in the report.
        place: where the paper shows it, such as ``Figure 1``.
        title: what it shows.
        caption: what must be known to read it.
        experiment: a run that measures it makes the picture too.
        readings: the readings that it is made under.
        rows: (run, reading) to its lines, from the experiment's networks and whatever it made
            by ``run.once``; nothing may be trained here, and nothing computed that takes long.
    """

    name: str
    place: str
    title: str
    caption: str
    experiment: str
    readings: tuple[str, ...]
    rows: Callable[[Run, str], tuple[Row, ...]]


def shades(images: Any, low: float = 0.0, high: float = 1.0) -> NDArray[np.uint8]:
    """Turn images (N, ..., 28, 28) into greys (N, 28, 28) uint8, ``low`` black, ``high`` white."""
    x = np.asarray(images, dtype=np.float64).reshape(-1, SIDE, SIDE)
    return np.rint(255 * np.clip((x - low) / (high - low), 0, 1)).astype(np.uint8)


def stretched(images: Any) -> NDArray[np.uint8]:
    """Turn images into greys, each from its own lowest value to its own highest."""
    x = np.asarray(images, dtype=np.float64).reshape(-1, SIDE, SIDE)
    low = x.min(axis=(1, 2), keepdims=True)
    width = x.max(axis=(1, 2), keepdims=True) - low
    return shades((x - low) / np.where(width > 0, width, 1.0))


def outputs(logits: Any) -> tuple[str, ...]:
    """Write each image's class and its confidence, such as ``8, 97 %``.

    Args:
        logits: (N, classes), a tensor or an array.
    """
    x = np.asarray(logits, dtype=np.float64)
    shares = np.exp(x - x.max(axis=1, keepdims=True))
    confidence = 1 / shares.sum(axis=1)
    return tuple(
        f"{label}, {100 * share:.0f} %"
        for label, share in zip(x.argmax(axis=1), confidence, strict=True)
    )


def pictures(paper: str) -> tuple[Picture, ...]:
    """Load the pictures that a paper's optional ``pictures.py`` offers.

    Raises:
        ClaimsError: it has no ``PICTURES``, or one of them is misnamed or names an experiment
            or a reading that the paper does not have.
    """
    offered = registry.experiments(paper)
    found: tuple[Picture, ...] = registry.offered_by(paper, "pictures", "PICTURES") or ()
    for picture in found:
        known = offered[picture.experiment].readings if picture.experiment in offered else ()
        alone = sum(other.name == picture.name for other in found) == 1
        named = SLUG.fullmatch(picture.name) and picture.name.startswith(f"{paper}-")
        named = named and len(picture.name) <= LONGEST_NAME
        if not (named and alone and picture.readings and set(picture.readings) <= set(known)):
            raise ClaimsError(
                f"{registry.folders()[paper]}/pictures.py offers a picture {picture.name!r} of "
                f"experiment {picture.experiment!r} under "
                f"{', '.join(picture.readings) or 'no reading'}",
                expected=f"a name of its own that begins with {paper}- and has {LONGEST_NAME} "
                "characters at most, an experiment of the paper and readings of that experiment",
                do="correct it",
            )
    return found


def make(paper: str, experiment: str, run: Run, reading: str, shared: Path) -> None:
    """Make the pictures of an experiment that ``run`` has measured, and leave them in ``shared``.

    Raises:
        StoreError: the folder ``shared`` cannot be written.
    """
    made, problems = [], []
    wanted: list[Picture] = []
    try:
        offered = pictures(paper)
        wanted = [p for p in offered if p.experiment == experiment and reading in p.readings]
    except Exception as error:  # an illustration is no reason to fail a claim
        problems.append(f"the pictures of {paper} were not made: {error!r}")
    for picture in wanted:
        try:
            rows = _encoded(picture.rows(run, reading))
            about = {name: _text(getattr(picture, name)) for name in _SHOWN}
            made.append(about | {"paper": paper, "reading": reading, "rows": rows})
        except Exception as error:  # as above
            problems.append(f"picture {picture.name} ({reading}) was not made: {error!r}")
    if made or problems:
        content = json.dumps({"pictures": made, "problems": problems})
        name = name_of(paper, experiment, reading)
        write_atomic(shared / f"{name}{_SUFFIX}", content.encode())


def collect(shared: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Read the (pictures, problems) that the processes of a run left, sorted by their names."""
    made: list[dict[str, Any]] = []
    problems: list[str] = []
    for path in sorted(shared.glob(f"*{_SUFFIX}")):
        found = json.loads(path.read_text(encoding="utf-8"))
        made += found["pictures"]
        problems += found["problems"]
    made.sort(key=lambda each: (each["paper"], each["name"], each["reading"]))
    if len(made) > MOST_PICTURES:
        problems.append(f"{len(made) - MOST_PICTURES} pictures are left out: too many")
    return made[:MOST_PICTURES], problems


def _encoded(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    """Return the rows of a picture as the report has them."""
    if not 0 < len(rows) <= MOST_ROWS:
        raise _unfit(f"{len(rows)} rows", f"1 to {MOST_ROWS}")
    return [{"label": _text(row.label), "images": _images(row)} for row in rows]


def _images(row: Row) -> list[dict[str, str]]:
    x = row.images
    if x.dtype != np.uint8 or x.shape[1:] != (SIDE, SIDE) or not 0 < len(x) <= MOST_IMAGES:
        raise _unfit(f"images {x.shape} {x.dtype}", f"(1 to {MOST_IMAGES}, 28, 28) uint8")
    labels = row.labels or ("",) * len(x)
    if len(labels) != len(x):
        raise _unfit(f"{len(labels)} labels for {len(x)} images", "one an image, or none")
    return [
        {"label": _text(label), "pixels": base64.b64encode(image.tobytes()).decode()}
        for label, image in zip(labels, x, strict=True)
    ]


def _text(given: object) -> str:
    if not isinstance(given, str):
        raise _unfit(f"{given!r} of type {type(given).__name__}", "text")
    return given


def _unfit(found: str, expected: str) -> UsageError:
    return UsageError(found, expected=expected, do="correct the paper's pictures.py")

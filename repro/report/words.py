"""Numbers, bands, verdicts and commands in words: written once, for every rendering.

The rows may come from a report that anybody made, so every text that is returned is bounded and
printable; whoever puts it into HTML or Markdown still escapes it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from repro.claims.schema import SLUG
from repro.claims.verdict import PASSING, Verdict
from repro.judge.bands import Band
from repro.report.result_row import (
    BROKEN,
    STANDINGS,
    SYMBOLS,
    PointRow,
    ResultRow,
    unexpected,
)
from repro.report.sanitize import line

NOTHING = "–"
NO_SNAPSHOT = (
    "No snapshot of the shipped networks yet, so nothing was compared: this run wrote it; look at "
    "it, commit it, and give the command again"
)
LATE = "what came after numbers were known"
_TEX = {r"\lambda": "λ", r"\varepsilon": "ε", r"\rightarrow": "→", r"\sqrt": "√"}
_INDEX = re.compile(r"(?<=[α-ω])_\{?([0-9]+)\}?")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_OURS = r"--(?:repro-)?(?:claim|paper|tag|reading|failed|deselect)"
_CHOOSING = re.compile(
    rf"(?<!\S)(?:'{_OURS}=[^']*'|(?:{_OURS}[ =]|-[km] )(?:'[^']*'|\S+)|--lf|--last-failed"
    r"|'[^']*\.py::[^']*'|\S+\.py::\S+)"
)
"""What of a run's command chose its tests."""
MEANINGS = {
    Verdict.REPRODUCED: "the published number lies in the 95 % prediction band for one more "
    "training, and that band is no wider than the margin fixed beforehand; for an ordering: it "
    "holds (sign test over seeds, Holm over the orderings of the paper under the reading)",
    Verdict.CONSISTENT: "the published number lies in the band and the control outside it; the "
    "seeds alone are shown to move the number by more than the margin, so that no number of "
    "trainings could say more",
    Verdict.EQUIVALENT: "outside the band, yet what the paper drew is shown to lie within the "
    "margin, its own noise counted",
    Verdict.TREND_ONLY: "the number misses, the ordering that goes with it holds",
    Verdict.NOT_REPRODUCED: "neither the number nor the ordering is shown to hold",
    Verdict.INCONCLUSIVE: "more seeds can settle it, and the sentence says how many: the band is "
    "still too wide, an ordering is not yet shown, or there are fewer than five seeds",
    Verdict.PAPER_INCONSISTENT: "the paper contradicts itself or its own code",
    Verdict.NOT_RUN: "nothing was measured; never counted as a pass",
}
HEALTH = {
    "zero-gradient-share": "of images with an all-zero gradient",
    "sign-difference-share": "of signs differ from float64",
}
"""Metrics that say how far a gradient can be trusted, shown beside what was measured with it."""
STANDING_MEANINGS: dict[str, str] = {
    "outside": "your network's number lies outside the 95 % band of independent trainings; of a "
    "curve, at one point or more",
    "fails": "the claim is an ordering, which does not hold for your network; a number's ordering "
    "is told beside it",
    "inside": "your network's number lies in the 95 % band, as one more training's would",
    "exact": "the authors' own network gives the published number, but for rounding",
    "differs": "the authors' own network gives another number than the published one",
    "holds": "the ordering holds for your network",
    "not-asked": "the claim cannot be asked of one network, or not on these images",
}
TERMS = {
    "ordering": "the comparison behind a claim, or the claim itself; it holds where its "
    "difference is above 0",
    "control": "a measurement that must fail the claim, such as one of random noise in the "
    "attack's place; excluded is as it must be",
    "post hoc": "the claim, its criterion or its reading came after numbers were known",
    "our criterion": "the threshold is the suite's own; the paper gives none",
}
"""What stands beside where a network stands, or beside a verdict."""
YOURS = "your network"

MEAN_AND_SPREAD = "mean ± s (N): mean and standard deviation of N independent trainings"


def number(value: Any) -> str:
    """Write a number with four decimals, or fewer digits where those would hide it.

    Of several numbers, write the smallest and the largest; ``–`` stands for none.
    """
    return _written(value, _decimals)


def short(value: Any) -> str:
    """Write a number as it was typed, with no digits added; of several, the range."""
    return _written(value, lambda x: f"{x:.6g}")


def interval(band: Mapping[str, Any] | None) -> str:
    """Write a band as ``[low, high]``; ``–`` for none."""
    return NOTHING if band is None else f"[{number(band['low'])}, {number(band['high'])}]"


def mean_and_spread(mean: Any, sd: Any) -> str:
    """Write ``mean ± s``, or the mean alone where s is not known."""
    if sd is None:
        return number(mean)
    spread = number(sd) if sd >= 1e-3 else f"{sd:.4f}"
    return f"{number(mean)} ± {'<0.0001' if 0 < sd < 5e-5 else spread}"


def ranges(numbers: Iterable[int]) -> str:
    """Write ``0-7, 9`` for 0 to 7 and 9."""
    spans: list[list[int]] = []
    for n in sorted(set(numbers)):
        if spans and n == spans[-1][1] + 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans) or NOTHING


def _decimals(x: float) -> str:
    if x == 0 or 1e-3 <= abs(x) < 1e5:
        return f"{x:.4f}"
    return f"{x:.2g}" if abs(x) < 1 else f"{x:.4g}"


def _written(value: Any, form: Callable[[float], str]) -> str:
    several = value if isinstance(value, list) else [value]
    known = [x for x in several if x is not None]
    if not known:
        return NOTHING
    ends = [form(min(known)), form(max(known))] if len(several) > 1 else [form(known[0])]
    return " to ".join(ends)


def published(row: ResultRow) -> str:
    """Write the paper's number, a curve's range, or what an ordering is held against."""
    if row["kind"] == "inconsistency":
        return "two sources"
    if row["kind"] == "ordering":
        return line(row["criterion"].partition(" ")[2], 50) or NOTHING
    return short(row["published"])


def measured(row: ResultRow) -> str:
    """Write what this machine measured; of an ordering, by how much it holds."""
    if row["difference"] is not None:
        return f"by {number(row['difference'])}"
    value = row["measured"]
    return f"{len(value)} points" if isinstance(value, list) else number(value)


def population(row: ResultRow) -> str:
    """Write ``mean ± s (N)``; of an ordering, of its differences; of a curve, its means' range."""
    if row["points"] and row["n"]:
        return f"{number([point['mean'] for point in row['points']])} ({row['n']})"
    if row["mean"] is None:
        return NOTHING
    what = "difference " if row["kind"] == "ordering" else ""
    return f"{what}{mean_and_spread(row['mean'], row['sd'])} ({row['n']})"


def band(row: ResultRow) -> str:
    """Write the 95 % band; of a curve, at how many points it holds the published number."""
    if row["points"]:
        return inside([point["inside"] for point in row["points"]])
    return interval(row["band"])


def bands(row: ResultRow) -> str:
    """Write the 95 % band; of a curve, from the lowest to the highest end of its points' bands."""
    of_points = [point["band"] for point in row["points"] if point["band"]]
    ends = [end for each in of_points for end in (each["low"], each["high"])]
    return number(ends) if ends else interval(row["band"])


def inside(points: Sequence[bool | None]) -> str:
    """Write ``7 of 10 inside`` of a curve's points; ``–`` where no point has a band.

    A point without a band (None) is counted among the points, as the judge counts it: nothing
    shows that it is inside.
    """
    bare = points.count(None)
    if bare == len(points):
        return NOTHING
    said = f"{points.count(True)} of {len(points)} inside"
    return f"{said}, {bare} without a band" if bare else said


def quote(row: ResultRow) -> str:
    """Write a quote as it is read: a table's cells apart, and TeX as letters and signs."""
    text = row["quote"].replace("\t", " · ").replace("$", "")
    for tex, sign in _TEX.items():
        text = text.replace(tex, sign)
    return line(_INDEX.sub(lambda found: found[1].translate(_LOWERED), text), 600)


def said(row: ResultRow) -> str:
    """Write what is said of a row: its verdict, or where a user's network stands."""
    return row["standing"] or str(row["verdict"])


def alarm(row: ResultRow) -> str:
    """Write why a row's verdict does not count: it is stale, or its test did not pass."""
    return "STALE" if row["stale"] else row["outcome"].upper() if row["outcome"] in BROKEN else ""


def here(rows: Iterable[ResultRow]) -> str:
    """Say whose measurements these are."""
    return YOURS if any(row["standing"] for row in rows) else "this machine"


def stands(row: ResultRow) -> str:
    """Write what a user's network measured; of an ordering, by how much it holds."""
    if row["kind"] == "ordering" and row["difference"] is not None:
        return f"by {number(row['difference'])}"
    return number(row["measured"])


def where(row: ResultRow) -> str:
    """Write at how many points of a curve a user's network stands where it does, if it is one."""
    held = [_holds(point) for point in row["points"]].count(row["standing"] == "inside")
    curve = row["points"] and row["standing"] in ("inside", "outside")
    return f"at {held} of {len(row['points'])} points" if curve else ""


def _holds(of: PointRow) -> bool | None:
    """Tell whether a point's band holds what was measured there; None where one is missing."""
    x, band = of["measured"], of["band"]
    return None if x is None or band is None else Band(**band).contains(x)


def ordering(row: ResultRow) -> str:
    """Write whether the ordering of a claim holds of what was measured."""
    if row["difference"] is None:
        return NOTHING
    return "holds" if row["difference"] > 0 else "fails"


def control(row: ResultRow) -> str:
    """Write whether the claim excludes its control, as it must."""
    outside = row["control"] and row["control"]["outside"]
    return NOTHING if outside is None else "excluded" if outside else "not excluded"


def point(of: PointRow, here: str = "this machine") -> str:
    """Write one point of a curve: what is published, in which band, and what was measured.

    This machine's number is held against the band of a fresh seed, a user's against the 95 % band.
    """
    parts = [f"{line(of['label'], 60)}: published {short(of['published'])}"]
    if of["band"]:
        place = "inside" if of["inside"] else "OUTSIDE"
        parts.append(f"{place} the band {interval(of['band'])}")
    elif of["mean"] is not None:
        parts.append("no band")
    if of["mean"] is not None:
        parts.append(f"population {mean_and_spread(of['mean'], of['sd'])}")
    if of["measured"] is not None:
        parts.append(f"{here} {number(of['measured'])}")
    if here == YOURS and (holds := _holds(of)) is not None:
        parts[-1] += ", inside" if holds else ", OUTSIDE"
    elif of["gate"] and here != YOURS:
        parts.append(f"a fresh seed's in {interval(of['gate'])}")
    return ", ".join(parts)


def notes(row: ResultRow) -> tuple[str, ...]:
    """Say what must stand beside the verdict: a red outcome, a stale measurement, a surprise.

    Beside where a user's network stands, it is the claim's ordering and its control.
    """
    outcome = row["outcome"]
    said = {
        outcome: outcome in (*BROKEN, *(() if row["standing"] else ("deselected", "skipped"))),
        where(row): bool(where(row)),
        f"{line(row['ordering'], 100) or 'its ordering'} {ordering(row)}": row["standing"]
        in ("inside", "outside", "exact", "differs")
        and row["difference"] is not None,
        f"control {control(row)}": row["standing"] is not None and control(row) != NOTHING,
        "STALE: code and evidence disagree": row["stale"],
        f"expected {row['expected']}": unexpected(row),
        "indicative": row["indicative"],
    }
    return (*(text for text, applies in said.items() if applies), *marks(row))


def marks(row: ResultRow) -> tuple[str, ...]:
    """Say on whose terms a row is judged, where these are not the paper's, fixed beforehand."""
    return ("our criterion",) * row["ours"] + ("post hoc",) * bool(row["post_hoc"])


def run_command() -> str:
    """Return the command that runs claims; pytest's options come behind it.

    Only in a run of tox is it tox's: nothing says that there is tox elsewhere.
    """
    return "tox -e reproduce --" if os.environ.get("TOX_ENV_NAME") == "reproduce" else "repro run"


def rerun(claim: str, reading: str = "") -> str:
    """Return the command that runs a claim; empty where a name is none of this suite's.

    A report may come from anywhere, and this text is made to be pasted into a shell.
    """
    names = [claim, reading] if reading else [claim]
    if not all(map(SLUG.fullmatch, names)) or len(claim + reading) > 200:
        return ""
    return f"{run_command()} --claim '{claim}'" + (f" --reading {reading}" if reading else "")


def story(claim: str) -> str:
    """Return the command that tells a claim's whole story; empty as :func:`rerun`."""
    return f"repro show {claim}" if rerun(claim) else ""


def counted(rows: Iterable[ResultRow]) -> list[ResultRow]:
    """Return the rows of what papers state; those of questions only where there are no others."""
    every = list(rows)
    return [row for row in every if not row["question"]] or every


def counts(rows: Iterable[ResultRow]) -> list[tuple[str, str, int]]:
    """Return (verdict, symbol, number of rows) for every verdict, worst first; zeros too.

    Where a user's network stands is counted in place of verdicts. Rows are as :func:`counted`.
    """
    every = counted(rows)
    signs: Mapping[Any, str] = STANDINGS if any(r["standing"] for r in every) else SYMBOLS
    found = Counter(map(said, every))
    return [
        (str(name), symbol, found[name])
        for name, symbol in signs.items()
        if found[name] or name not in ("exact", "differs")  # which only the authors' network has
    ]


def broken(rows: Iterable[ResultRow]) -> str:
    """Count the outcomes that make a run red, such as ``1 failed, 1 error``."""
    found = Counter[str](row["outcome"] for row in rows)
    return ", ".join(f"{found[outcome]} {outcome}" for outcome in BROKEN if found[outcome])


def limits(
    rows: Sequence[ResultRow], header: Mapping[str, Any], footer: Mapping[str, Any]
) -> list[str]:
    """Say what a run may not be taken for: its data, what it left out, snapshots that differ."""
    differ, first = (footer.get(f"snapshots_{what}", ()) for what in ("failed", "first"))
    kinds = {
        "embedded": "Indicative only: measured on the embedded sample of 5,000 MNIST digits, "
        "which are training images, not on MNIST.",
        "none": "No MNIST was found: nothing was measured.",
    }
    data = header["data"]["kind"]
    found = [kinds[data]] if data in kinds else []
    stated = [row for row in rows if not row["question"]]
    if deselected := sum(row["outcome"] == "deselected" for row in stated):
        left_out = f"{deselected} of {len(stated)} rows were deselected"
        by = line(", ".join(_CHOOSING.findall(header["command"][:10_000])), 300)
        found.append(f"Partial run{by and f' ({by})'}: {left_out}; they stand as not-run.")
    if first:
        found.append(f"{NO_SNAPSHOT} ({_names(first)}).")
    if differ:
        found.append(
            f"The code or the machine gives other numbers than it did: {len(differ)} snapshots of "
            f"the shipped networks differ ({_names(differ)}). That is no verdict on a claim."
        )
    return found


def _names(snapshots: Sequence[str]) -> str:
    return ", ".join(line(name, 100) for name in snapshots[:20])


def caveats(rows: Sequence[ResultRow]) -> list[str]:
    """Say what the counts of a run do not: :func:`by_chance` and :func:`apart`."""
    return [sentence for sentence in (by_chance(rows), apart(rows)) if sentence]


def apart(rows: Sequence[ResultRow]) -> str:
    """Say how many verdicts rest on a threshold of the suite's own, or came post hoc."""
    said = []
    for name, verdicts in (("passes", PASSING), ("not reproduced", {Verdict.NOT_REPRODUCED})):
        mine = [row for row in counted(rows) if row["verdict"] in verdicts]
        ours, later = sum(row["ours"] for row in mine), sum(bool(row["post_hoc"]) for row in mine)
        both = sum(row["ours"] and bool(row["post_hoc"]) for row in mine)
        if ours or later:
            said.append(
                f"of {len(mine)} {name}, {ours} rest on a threshold of the suite's own, which the "
                f"paper does not give, {later} on {LATE}, "
                f"{both} of these on both"
            )
    return "; ".join(said).capitalize()


def by_chance(rows: Iterable[ResultRow]) -> str:
    """Say how many 95 % bands would miss by chance; empty without bands.

    A curve has one: its points' bands hold together at that level. So has a number that several
    readings or claims repeat.
    """
    held = [row for row in rows if row["standing"] in (None, "inside", "outside")]
    banded = len(
        {
            (row["paper"], row["experiment"], row["metric"], bands(row))
            for row in held
            if bands(row) != NOTHING
        }
    )
    if not banded:
        return ""
    what = "your network were one more training" if held[0]["standing"] else "every claim held"
    return f"Of {banded} bands of 95 %, {0.05 * banded:.3g} would miss by chance if {what}"

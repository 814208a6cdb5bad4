"""Each number of CLAIMS.md and of the README's findings is what the populations say.

The documents are made by these functions, so that they agree with a wrong one as well. Here the
populations are made up, and each number is computed a second time.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from dataclasses import replace
from math import sqrt
from statistics import fmean, stdev

import pytest
from scipy.stats import t
from tiny_paper import PAPER, document, row

from repro.claims.records import PublishedClaim, parse
from repro.judge import cases, populations
from repro.judge.joint import joint_p
from repro.judge.populations import Archive
from repro.report.claims_md import claims_page, findings

OFF = (-0.02, -0.011, -0.005, 0.001, 0.004, 0.008, 0.02)
"""What the seeds are off by, before each number takes its own share of it."""

NUMBERS = {
    "plain": {"error": 0.52, "clean": 0.31, "success[0]": 0.62, "success[1]": 0.88},
    "other": {"error": 0.71, "clean": 0.31, "success[0]": 0.64, "success[1]": 0.81},
}
ELSE = {"small": 0.1, "control-error": 0.9, "control[0]": 0.1, "control[1]": 0.1}


def values(reading, name):
    """A number over the seeds, in an order of its own; ``clean`` is the same in both readings."""
    turn = sum(map(ord, name)) % len(OFF)
    share = 1.0 if reading == "plain" or name == "clean" else 1.3
    middle = (NUMBERS[reading] | ELSE)[name]
    return [round(middle + share * off, 6) for off in OFF[turn:] + OFF[:turn]]


def text():
    paper = copy.deepcopy(PAPER)
    error, clean, *rest = paper["claim"]
    curve = {
        **error,
        "id": "tiny-curve",
        "kind": "curve",
        "place": "Fig. 1",
        "published": [0.6, 0.7],
        "labels": ["one | two", "three"],
        "metric": "success",
        "control": {"metric": "control", "why": "another network"},
        "tags": ["figure"],
    }
    clean["readings"]["other"] = {"expected": "reproduced"}
    error["table"] = clean["table"] = "Table 1"
    paper["claim"] = [error, clean, curve, *rest]
    return document(paper)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """(the paper, its cases, the archive)."""
    root = tmp_path_factory.mktemp("populations")
    for reading, numbers in NUMBERS.items():
        every = {name: values(reading, name) for name in (*numbers, *ELSE)}
        path = populations.path_of(root, "full", "tiny", "toy", reading)
        path.parent.mkdir(exist_ok=True)
        rows = [row(k, {name: x[k] for name, x in every.items()}) for k in range(len(OFF))]
        path.write_text(populations.dump(rows), encoding="utf-8")
    paper, archive = parse(text(), name="tiny"), Archive(root)
    return paper, cases.judge(paper, archive), archive


@pytest.fixture(scope="module")
def page(judged):
    paper, found, archive = judged
    return claims_page([paper], found, archive)


def rows(page, title):
    """The rows, a list of cells each, of the tables of a part, without their titles."""
    part = page.partition(f"\n## {title}")[2].partition("\n## ")[0]
    lines = [line.replace("\\|", "/") for line in part.splitlines()]
    heads = {n for n, line in enumerate(lines[1:]) if line.startswith("| ---")}
    return [
        [cell.strip() for cell in line[1:-1].split(" | ")]
        for n, line in enumerate(lines)
        if line.startswith("|") and not {n, n - 1} & heads
    ]


def said(x):
    return f"{fmean(x):.4f} ± {stdev(x):.4f}"


def band(x, unit=0.01):
    """That of one more number, wider by half the rounding unit."""
    half = t.ppf(0.975, len(x) - 1) * stdev(x) * sqrt(1 + 1 / len(x)) + unit / 2
    return fmean(x) - half, fmean(x) + half


def verdict(x, published):
    low, high = band(x)
    return "`reproduced`" if low <= published <= high else "`trend-only`"


def test_the_findings(judged):
    _, found, _ = judged
    told = {reading: values(reading, "error") for reading in NUMBERS}
    assert findings(found).splitlines()[2:] == [
        f"| The error rate. | 0.5 | {reading} | {said(x)} (7) | {verdict(x, 0.5)} |"
        for reading, x in told.items()
    ]
    assert {verdict(x, 0.5) for x in told.values()} == {"`reproduced`", "`trend-only`"}


def test_the_rows_of_the_claims(judged, page):
    _, found, _ = judged
    expected = []
    for name, metric, published in (("error", "error", 0.5), ("clean", "clean", 0.3)):
        about = [f'<a id="tiny-{name}"></a>`tiny-{name}`', "", f"{published}"]
        about[1] = f"Table 1, row {1 if name == 'error' else 2}"
        for reading in NUMBERS:
            x = values(reading, metric)
            low, high = band(x)
            numbers = [f"{said(x)} (7)", f"[{low:.4f}, {high:.4f}]", f"{x[0]:.4f}"]
            expected.append([*about, reading, *numbers, verdict(x, published)])
            about = ["", "", ""]
    about = ['<a id="tiny-curve"></a>`tiny-curve`', "Fig. 1", "0.6 to 0.7"]
    for case in found[4:6]:
        means = sorted(fmean(values(case.reading, f"success[{k}]")) for k in range(2))
        inside = f"{sum(point.inside for point in case.judgement.points)} of 2 inside"
        numbers = [f"{means[0]:.4f} to {means[1]:.4f} (7)", inside, "–"]
        expected.append([*about, case.reading, *numbers, f"`{case.judgement.verdict}`"])
        about = ["", "", ""]
    differences = [x - 0.2 for x in values("plain", "error")]
    about = ['<a id="tiny-order"></a>`tiny-order`', "Abstract", "`error > 0.2`", "plain"]
    numbers = [f"difference {said(differences)} (7)", "–", f"{differences[0]:.4f}"]
    expected.append([*about, *numbers, "`reproduced`"])
    about = ['<a id="tiny-twice"></a>`tiny-twice`', "Section 2; Appendix", "two sources", "plain"]
    expected.append([*about, "–", "–", "–", "`paper-inconsistent`"])
    assert rows(page, "A tiny paper") == expected


def test_the_points_of_a_curve(judged, page):
    _, found, _ = judged
    expected = [["one / two", "0.6"], ["three", "0.7"]]
    for case in found[4:6]:
        for k, (point, published) in enumerate(
            zip(case.judgement.points, (0.6, 0.7), strict=True)
        ):
            low, high = point.band.low, point.band.high
            mark = "" if low <= published <= high else "**"
            x = values(case.reading, f"success[{k}]")
            expected[k].append(f"{said(x)}, {mark}[{low:.4f}, {high:.4f}]{mark}")
    assert rows(page, "Curves") == expected
    assert "**" in expected[1][2]
    assert "**" not in expected[0][2]


def test_what_the_readings_change_seed_by_seed(page):
    pairs = zip(values("plain", "error"), values("other", "error"), strict=True)
    change = [after - before for before, after in pairs]
    # Not of the clean images, on which both readings measure the same.
    assert rows(page, "What the readings") == [
        ["`tiny-error`", "0.5", "other", f"+{said(change)} (7)"]
    ]


def test_what_a_reading_explains(judged, page):
    _, found, _ = judged
    expected = []
    for reading in NUMBERS:
        x = {name: values(reading, name) for name in ("error", "clean")}
        of_table = [verdict(x["error"], 0.5), verdict(x["clean"], 0.3)].count("`reproduced`")
        (curve,) = [c for c in found if c.id == f"tiny-curve@{reading}"]
        inside = of_table + sum(point.inside for point in curve.judgement.points)
        table = list(zip(*x.values(), strict=True))
        p = joint_p(table, [0.5, 0.3], units=[0.01] * 2)
        expected.append(["tiny", reading, "all", f"{inside} of 4", "–"])
        expected.append(["tiny", reading, "Table 1", f"{of_table} of 2", f"{p:.2g}"])
    assert rows(page, "What each reading") == expected
    assert len({each[3] for each in expected}) == 4


@pytest.mark.parametrize(("said", "factor"), [("half", 0.5), ("twice", 2.0)])
def test_what_other_margins_change(judged, page, said, factor):
    paper, found, archive = judged
    other = tuple(
        replace(claim, margin=claim.margin * factor)
        if isinstance(claim, PublishedClaim)
        else claim
        for claim in paper.claims
    )
    after = cases.judge(replace(paper, claims=other), archive)
    pairs = zip(found, after, strict=True)
    verdicts = [(a.judgement.verdict, b.judgement.verdict) for a, b in pairs]
    changes = Counter(f"{a} -> {b}" for a, b in verdicts if a != b)
    assert changes
    told = ", ".join(f"{n} {change}" for change, n in sorted(changes.items()))
    assert f"\nWere every margin {said} as wide: {told}.\n" in page


def test_what_is_counted(judged, page):
    _, found, _ = judged
    verdicts = Counter(str(case.judgement.verdict) for case in found)
    told = re.search(r"one a claim and reading: ([^;]+); (\d+) of them repeat", page)
    counted = {name: int(n) for n, name in re.findall(r"(\d+) `([\w-]+)`", told[1])}
    assert counted == verdicts
    assert told[2] == "1"  # the clean images, under the second reading
    # Both readings of two claims differ in their verdict, and an inconsistency stands for itself.
    assert "\n| `tiny` | 5 | 0 | 2 | 2 | 0 | 0 | 1 |\n" in page
    assert "5 of 6 published statements checked; what is judged in two ways counts once. " in page
    assert "Of 5 bands of 95 %, 0.25 would miss by chance" in page
    assert "not counted: 1 of tiny." in page
    assert rows(page, "Limitations") == [["tiny", "Table 2", "“0.7”", "not measured"]]

"""Ask a paper's claims of one network of the user's: where it stands among the trainings.

One network gives no verdict on a paper. What it measures is held against the populations of
independent trainings, as if it were one more of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial

from repro.claims.records import Claim, InconsistencyClaim, OrderingClaim, Paper, PublishedClaim
from repro.claims.selection import Selection
from repro.errors import ReproError
from repro.judge.bands import Band
from repro.judge.cases import Case, judge
from repro.judge.exact import TIE, compare
from repro.judge.freshness import other_arithmetic
from repro.judge.populations import Archive, name_of
from repro.measure import live
from repro.measure.session import Measured, Session
from repro.papers.experiment import SEED, TARGET, Run
from repro.report.result_row import ResultRow, Standing, new_row

NearTies = Callable[[Run, str, str, float], Mapping[str, tuple[int, int]]]
"""(run, experiment, reading, how near) to metric to (images near a tie, all images)."""

INTERRUPTED = "interrupted before it was asked"


def rows(
    paper: Paper,
    selection: Selection,
    session: Session,
    archive: Archive,
    on_start: Callable[[Mapping[str, list[str]]], None] = lambda _: None,
    *,
    near_ties: NearTies | None = None,
    missing: str = "",
) -> Iterator[ResultRow]:
    """Measure the chosen claims of a paper on ``session.given``; one row a claim and reading.

    A claim that cannot be asked of one network, or not on these images, has a row that says why.
    One whose measurement fails has a row of outcome ``error``. ``on_start`` is told all
    experiments that will be measured, with their readings, before the first is.

    ``near_ties`` is there where the network is the authors' own, which must give the published
    numbers but for the images that it counts. ``missing`` says why there is no network at all;
    then no claim is asked. After an interrupt (Ctrl-C) no further one is.
    """
    kind = session.data.kind
    cases = judge(paper, archive, kind)
    chosen = [case for case in cases if selection.matches(case.claim, case.reading)]
    wanted: dict[str, list[str]] = {}
    for case in chosen:
        with suppress(ReproError):  # its row says so
            if not (missing or _not_asked(case, session)):
                readings = wanted.setdefault(case.claim.experiment, [])
                readings += [case.reading] * (case.reading not in readings)
    on_start(wanted)
    for case in chosen:
        claim, reading = case.claim, case.reading
        row, start = new_row(case), time.monotonic()
        row["standing"], row["outcome"] = "not-asked", "skipped"
        try:
            row["reason"] = missing or _not_asked(case, session)
            if not row["reason"]:
                measured = live.measure(claim, reading, session, wanted[claim.experiment])
                row["reason"] = _without(claim, measured)
            if not row["reason"]:
                standing, said = _standing(case, measured)
                if near_ties and kind == "full" and isinstance(claim, PublishedClaim):
                    run, spot = session.run_of(paper.id), (claim.experiment, reading)
                    ties = run.once(("near ties", *spot), partial(near_ties, run, *spot, TIE))
                    arithmetic = partial(other_arithmetic, name_of(paper.id, *spot), kind=kind)
                    same, published = compare(claim, measured.values, ties, arithmetic)
                    standing = "exact" if same else "differs"
                    said = f"{published}; {said}"
                said += beside(claim, reading)
                # Last, so that a row which an interrupt or an error cuts short has no numbers.
                live.fill(row, claim, measured, case.judgement, kind)
                if claim.ordering:
                    row["difference"] = claim.ordering.excess(measured.values)
                row["standing"], row["reason"], row["outcome"] = standing, said, "passed"
        except KeyboardInterrupt:  # what was measured stays, and nothing more is begun
            row["reason"] = missing = INTERRUPTED
        except (Exception, SystemExit) as error:  # whatever the user's own code raises
            row["outcome"], row["reason"] = "error", getattr(error, "in_one_line", repr(error))
        row["seconds"] = round(time.monotonic() - start, 3)
        yield row


def _bands(case: Case) -> list[Band | None]:
    return [point.band for point in case.judgement.points] or [case.judgement.band]


def _not_asked(case: Case, session: Session) -> str:
    """Say why a claim is not asked of the network; nothing where it is."""
    claim, trainings = case.claim, case.judgement.n
    if isinstance(claim, InconsistencyClaim):
        return f"nothing is measured: the paper contradicts itself or its code. {claim.statement}"
    networks = live.experiment_of(claim, case.reading).networks(SEED, case.reading)
    if TARGET not in networks:
        return f"yours cannot stand for the networks that it is about: {', '.join(networks)}"
    if why := live.not_measurable(claim, session.data):
        return why
    if not trainings or not (isinstance(claim, OrderingClaim) or any(_bands(case))):
        return f"nothing to hold it against: the population has {trainings} trainings"
    others = [recipe for role, recipe in networks.items() if role != TARGET]
    if not session.at_hand(others):
        names = ", ".join(recipe.name for recipe in others)
        train = f"repro train {claim.paper} --experiment {claim.experiment}"
        return f"it needs {names} of seed {SEED} as well, which does not ship ({train})"
    return ""


def _without(claim: Claim, measured: Measured) -> str:
    """Say which numbers that the claim needs the network does not give; nothing where none."""
    gone = ", ".join(name for name in claim.metrics if name not in measured.values)
    why = "your network makes no mistake (or no attack succeeds) to average over"
    return f"{why}: {gone}" if gone else ""


def _standing(case: Case, measured: Measured) -> tuple[Standing, str]:
    """Return where the network stands among the trainings, and a sentence that says it."""
    claim, trainings = case.claim, f"{case.judgement.n} independent trainings"
    if isinstance(claim, OrderingClaim):
        held = sum(value > 0 for value in case.values)
        stands: Standing = "holds" if claim.gated_value(measured.values) > 0 else "fails"
        return stands, f"it holds in {held} of {trainings}"
    values = [measured.values[name] for name in claim.own_metrics()]
    sides = [_side(x, band) for x, band in zip(values, _bands(case), strict=True)]
    stands = "outside" if {"above", "below"} & set(sides) else "inside"
    if len(sides) == 1:
        return stands, f"{sides[0]} the band of {trainings}"
    counted = ", ".join(f"{sides.count(side)} {side}" for side in dict.fromkeys(sides))
    return stands, f"yours at {len(sides)} points, in the bands of {trainings}: {counted}"


def _side(x: float, band: Band | None) -> str:
    if band is None:
        return "without a band"
    return "inside" if band.contains(x) else "above" if x > band.high else "below"


def beside(claim: Claim, reading: str) -> str:
    """Say which networks of the suite's own the measurement needs beside the user's."""
    networks = live.experiment_of(claim, reading).networks(SEED, reading)
    others = [role for role in networks if role != TARGET]
    if not others:
        return ""
    return f"; {', '.join(others)}: the suite's own, of seed {SEED}, not yours"


def stand_ins(paper: Paper, rows: Iterable[ResultRow]) -> list[str]:
    """Say for which of a paper's networks the user's stood in what was measured.

    A sentence where it stood for several, and one for each experiment that compares it with
    networks of the suite's own.
    """
    claims = {claim.id: claim for claim in paper.claims}
    roles: dict[str, dict[str, None]] = {}
    others: dict[str, None] = {}
    for row in (row for row in rows if row["outcome"] == "passed"):
        claim, name = claims[row["id"]], row["experiment"]
        target = live.experiment_of(claim, row["reading"]).networks(SEED, row["reading"])[TARGET]
        roles.setdefault(target.name, {})[name] = None
        if own := beside(claim, row["reading"]):
            others[f"{name}{own}, so that a gain over it compares two makes of network"] = None
    each = ", ".join(f"{network} ({', '.join(names)})" for network, names in roles.items())
    said = f"The paper's claims are of {len(roles)} networks, and yours stands for each: {each}"
    return [*([said] if len(roles) > 1 else []), *others]

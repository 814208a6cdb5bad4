"""Claim records: what a paper says, as validated data. One ``claims.toml`` a paper."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from repro.claims.toml import SLUG, Table, shown
from repro.claims.verdict import PASSING, Verdict
from repro.errors import ClaimsError

QUOTE_WORDS = 20
Kind = Literal["value", "curve", "ordering", "inconsistency"]


@dataclass(frozen=True)
class Source:
    """A place and the words that stand there, verbatim.

    Args:
        place: where.
        quote: the words.
        code: whether the place is in the authors' public code, not in the paper.
    """

    place: str
    quote: str
    code: bool = False


@dataclass(frozen=True)
class Ordering:
    """``metric relation than``, seed by seed, where ``than`` is a metric or a constant."""

    metric: str
    relation: Literal[">", "<"]
    than: str | float
    why: str

    def __str__(self) -> str:
        return f"{self.metric} {self.relation} {self.than}"


@dataclass(frozen=True)
class Control:
    """A metric that, put in place of the claim's own, must fail the claim."""

    metric: str
    why: str


@dataclass(frozen=True)
class Expectation:
    """The verdict that a claim is known to get under one reading."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Claim:
    """One published statement, with all that its judgement needs.

    Args:
        id: a permanent slug, the same in pytest, CLAIMS.md and every report.
        kind: ``value`` (a number), ``curve`` (several, judged together), ``ordering`` (a
            comparison) or ``inconsistency`` (the paper against itself; nothing is measured).
        statement: the claim in plain words, with its criterion where the paper has none.
        sources: where it stands; an inconsistency has two.
        published: the printed number of a ``value``; None for the other kinds.
        curve: the printed numbers of a ``curve``; point i is measured by ``metric[i]``.
        labels: what each point of a curve stands for (an eps, a class).
        unit: the rounding unit of the printed numbers.
        margin: the largest difference that would not change what the paper says.
        scale: ``logit`` for rates and confidences, else ``linear``.
        bounds: what a measurement on the linear scale cannot leave.
        images: how many images each printed rate was counted over, on the logit scale; one
            number for each of :attr:`points`, or none at all.
        clean_images: whether it speaks of clean *test* images, which the embedded
            sample does not have.
        ordering: for ``ordering`` the claim itself, for ``value`` its trend.
        readings: reading name to expected verdict.
        cost: about how long it takes: ``seconds`` or ``minutes``.
    """

    id: str
    paper: str
    kind: Kind
    statement: str
    sources: tuple[Source, ...]
    published: float | None
    curve: tuple[float, ...]
    labels: tuple[str, ...]
    unit: float
    experiment: str
    metric: str
    margin: float
    margin_reason: str
    scale: Literal["linear", "logit"]
    bounds: tuple[float, float] | None
    images: tuple[int, ...]
    clean_images: bool
    control: Control | None
    ordering: Ordering | None
    readings: Mapping[str, Expectation]
    tags: tuple[str, ...]
    cost: str

    @property
    def points(self) -> tuple[float, ...]:
        """The printed numbers: one of a value, several of a curve, else none."""
        return self.curve if self.published is None else (self.published,)

    @property
    def place(self) -> str:
        """Where in the paper."""
        return "; ".join(source.place for source in self.sources)

    @property
    def quote(self) -> str:
        """The paper's words."""
        return " / ".join(source.quote for source in self.sources)


@dataclass(frozen=True)
class Limitation:
    """A published statement that is not checked, and why."""

    source: Source
    why: str


@dataclass(frozen=True)
class Effect:
    """A switch whose effect is measured and shown, and not judged.

    Args:
        what: the switch, in words.
        experiment: that measures it, under each of its readings.
        before: the first part of the metrics' names without the switch.
        after: the same with it.
        measures: the last part of the names: ``before-rms`` and ``after-rms``.
    """

    what: str
    experiment: str
    before: str
    after: str
    measures: tuple[str, ...]

    def metrics(self, measure: str) -> tuple[str, str]:
        """The names of the metrics without and with the switch."""
        return f"{self.before}-{measure}", f"{self.after}-{measure}"


@dataclass(frozen=True)
class Paper:
    """All that is recorded of one paper."""

    id: str
    title: str
    author: str
    year: int
    readings: Mapping[str, str]
    claims: tuple[Claim, ...]
    limitations: tuple[Limitation, ...]
    effects: tuple[Effect, ...] = ()


def _source(table: Table, *, limit: bool) -> Source:
    place, quote = table.take("place", str), table.take("quote", str)
    # A table's row may be as long as the row is; running text is quoted in a few words.
    if limit and "\t" not in quote and len(quote.split()) > QUOTE_WORDS:
        raise table.fail(f"a quote of {len(quote.split())} words", f"at most {QUOTE_WORDS} words")
    return Source(place, quote, table.take("code", bool, False))


def _effect(table: Table) -> Effect:
    measures = table.texts("measures")
    if not measures or not all(SLUG.fullmatch(measure) for measure in measures):
        raise table.fail(f"measures = {shown(list(measures))}", "a list of slugs")
    return Effect(
        what=table.take("what", str),
        experiment=table.slug("experiment"),
        before=table.slug("from"),
        after=table.slug("to"),
        measures=measures,
    )


def _expectations(table: Table, known: Mapping[str, str]) -> dict[str, Expectation]:
    result = {}
    for reading in list(table.values):
        if reading not in known:
            raise table.fail(f"unknown reading {reading!r}", f"one of {', '.join(known)}")
        entry = Table(table.take(reading, dict), f"{table.where}.{reading}")
        verdict = Verdict(
            entry.choice("expected", tuple(v for v in Verdict if v != Verdict.NOT_RUN))
        )
        reason = entry.take("reason", str, "")
        entry.done()
        if verdict not in PASSING and not reason:
            raise entry.fail(f"{verdict} without a reason", "one sentence that says why")
        result[reading] = Expectation(verdict, reason)
    if not result:
        raise table.fail("no reading", f"at least one of {', '.join(known)}")
    return result


def _ordering(table: Table | None) -> Ordering | None:
    if table is None:
        return None
    of_metric = isinstance(table.values.get("than"), str)
    ordering = Ordering(
        metric=table.slug("metric"),
        relation=table.choice("relation", (">", "<")),
        than=table.slug("than") if of_metric else table.number("than"),
        why=table.take("why", str),
    )
    table.done()
    return ordering


def _control(table: Table | None) -> Control | None:
    if table is None:
        return None
    control = Control(metric=table.slug("metric"), why=table.take("why", str))
    table.done()
    return control


def _bounds(table: Table) -> tuple[float, float] | None:
    values = table.numbers("bounds", [])
    if not values:
        return None
    if len(values) != 2 or not values[0] < values[1]:
        raise table.fail(f"bounds = {list(values)}", "bounds = [low, high]")
    return values[0], values[1]


def _claim(values: Any, paper: str, readings: Mapping[str, str]) -> Claim:
    name = values.get("id", "?") if isinstance(values, dict) else "?"
    table = Table(values, f"claim {shown(name)} of {paper}")
    id_ = table.slug("id")
    if not id_.startswith(f"{paper}-"):
        raise table.fail(f"id = {id_!r}", f"an id that begins with {paper}-")
    kinds = ("value", "curve", "ordering", "inconsistency")
    kind: Kind = table.choice("kind", kinds, "value")
    sources = [_source(table, limit=True)]
    against = table.table("against")
    if against is not None:
        sources.append(_source(against, limit=True))
        against.done()
    measured, value = kind != "inconsistency", kind in ("value", "curve")
    needs = table.table("readings")
    if needs is None:
        raise table.fail("no readings", "a table [claim.readings]")
    claim = Claim(
        id=id_,
        paper=paper,
        kind=kind,
        statement=table.take("statement", str),
        sources=tuple(sources),
        published=table.number("published") if kind == "value" else None,
        curve=table.numbers("published") if kind == "curve" else (),
        labels=table.texts("labels") if kind == "curve" else (),
        unit=table.number("unit") if value else 0.0,
        experiment=table.slug("experiment") if measured else "",
        metric=table.slug("metric") if value else "",
        margin=table.number("margin") if value else 0.0,
        margin_reason=table.take("margin_reason", str) if value else "",
        scale=table.choice("scale", ("linear", "logit"), "linear"),
        bounds=_bounds(table),
        images=table.counts("images") if value else (),
        clean_images=table.take("clean_images", bool, False),
        control=_control(table.table("control")) if measured else None,
        ordering=_ordering(table.table("ordering")) if measured else None,
        readings=_expectations(needs, readings),
        tags=tuple(table.take("tags", list, [])),
        cost=table.choice("cost", ("seconds", "minutes"), "seconds"),
    )
    table.done()
    _check(claim, table)
    return claim


def _check(claim: Claim, table: Table) -> None:
    """What must hold between the keys of one record."""
    if not all(isinstance(tag, str) and SLUG.fullmatch(tag) for tag in claim.tags):
        raise table.fail(f"tags = {shown(list(claim.tags))}", "a list of slugs")
    if claim.kind == "inconsistency":
        if len(claim.sources) != 2:
            raise table.fail("one source", "two: place and quote, and the table against")
        wrong = [
            e.verdict for e in claim.readings.values() if e.verdict != Verdict.PAPER_INCONSISTENT
        ]
        if wrong:
            raise table.fail(f"expected = {wrong[0]}", "expected = paper-inconsistent")
        return
    if claim.control is None:
        raise table.fail(
            "no control", "control = { metric = …, why = … }, which must fail the claim"
        )
    if claim.ordering is None and claim.kind == "ordering":
        raise table.fail("no ordering", "ordering = { metric, relation, than, why }")
    if claim.kind == "curve" and not 1 < len(claim.curve) == len(claim.labels):
        found = f"{len(claim.curve)} published values and {len(claim.labels)} labels"
        raise table.fail(found, "as many of each, at least two")
    if claim.kind in ("value", "curve"):
        if not claim.margin > 0 or not claim.unit > 0:
            raise table.fail(f"margin {claim.margin}, unit {claim.unit}", "both above 0")
        if claim.images and (claim.scale != "logit" or len(claim.images) != len(claim.points)):
            found = f"images = {shown(claim.images)} with scale = {claim.scale}"
            raise table.fail(found, "one number for each published value, on the logit scale")
        if claim.scale == "logit" and not all(
            0 < value < 1 or (claim.images and value in (0, 1)) for value in claim.points
        ):
            found = f"published = {shown(claim.points)} on the logit scale"
            raise table.fail(found, "a rate in (0, 1), or with images in [0, 1]")


def parse(text: str, *, name: str) -> Paper:
    """The records in the text of one ``claims.toml``.

    Raises:
        ClaimsError: not TOML, or any key missing, unknown, of the wrong type or range.
    """
    try:
        root = Table(tomllib.loads(text), name)
    except (ValueError, RecursionError) as error:
        # Beside TOML's own error: an integer too long to read, brackets too deep to follow.
        raise ClaimsError(
            f"{name}: {error}", expected="valid TOML", do="correct claims.toml"
        ) from error
    about = root.table("paper")
    if about is None:
        raise root.fail("no table [paper]", "[paper] with id, title, author, year")
    paper = about.slug("id")
    readings = root.take("readings", dict)
    for reading, summary in readings.items():
        if not SLUG.fullmatch(reading) or not isinstance(summary, str) or not summary.strip():
            found = f"reading {shown(reading)} = {shown(summary)}"
            raise root.fail(found, "a slug and one sentence")
    claims = tuple(_claim(values, paper, readings) for values in root.take("claim", list))
    limitations = []
    for values in root.take("limitation", list, []):
        table = Table(values, f"{name}, limitation")
        limitations.append(Limitation(_source(table, limit=True), table.take("why", str)))
        table.done()
    effects = []
    for values in root.take("effect", list, []):
        table = Table(values, f"{name}, effect")
        effects.append(_effect(table))
        table.done()
    result = Paper(
        id=paper,
        title=about.take("title", str),
        author=about.take("author", str),
        year=about.take("year", int),
        readings=readings,
        claims=claims,
        limitations=tuple(limitations),
        effects=tuple(effects),
    )
    about.done()
    root.done()
    ids = [claim.id for claim in claims]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise root.fail(f"duplicate id {', '.join(twice)}", "each id once")
    return result


def load(path: Path) -> Paper:
    """The records of one ``claims.toml``.

    Raises:
        ClaimsError: the file cannot be read, or its content is not valid.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClaimsError(
            f"{path} cannot be read: {error}",
            expected="a claims.toml in UTF-8",
            do="restore the file",
        ) from error
    return parse(text, name=f"{path.parent.name}/{path.name}")

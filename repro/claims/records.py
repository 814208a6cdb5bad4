"""Claim records: what a paper says, as validated data. One ``claims.toml`` a paper."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

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
    """The comparison ``metric relation than``, where ``than`` is a metric or a constant."""

    metric: str
    relation: Literal[">", "<"]
    than: str | float
    why: str

    def __str__(self) -> str:
        return f"{self.metric} {self.relation} {self.than}"

    @property
    def metrics(self) -> list[str]:
        """The metrics that are compared: two, or one with a constant."""
        return [self.metric, self.than] if isinstance(self.than, str) else [self.metric]

    def excess(self, measured: Mapping[str, float]) -> float:
        """Return by how much the comparison holds (above 0) or fails (below 0).

        Args:
            measured: metric name to its value in one seed.
        """
        than = measured[self.than] if isinstance(self.than, str) else self.than
        sign = 1.0 if self.relation == ">" else -1.0
        return sign * (measured[self.metric] - than)


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


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One published statement, with all that its judgement needs.

    It is one of :class:`NumberClaim`, :class:`CurveClaim`, :class:`OrderingClaim` and
    :class:`InconsistencyClaim`; what a kind does not have is empty or None.

    Attributes:
        kind: the name of the kind in ``claims.toml`` and in reports.
        id: a permanent slug, the same in pytest, CLAIMS.md and every report.
        statement: the claim in plain words, with its criterion where the paper has none.
        sources: where it stands; an inconsistency has two.
        readings: reading name to expected verdict.
        experiment: that measures it.
        metric: that is compared with what is published.
        points: the printed numbers: one of a number, several of a curve.
        labels: what each point of a curve stands for (an eps, a class).
        unit: the rounding unit of the printed numbers.
        margin: the largest difference that would not change what the paper says.
        ordering: of an ordering the claim itself, else the trend that goes with it.
        clean_images: whether it speaks of clean *test* images, which the embedded
            sample does not have.
        images: how many images each printed rate was counted over, on the logit scale; one
            number for each of ``points``, or none at all.
    """

    kind: ClassVar[Kind]
    id: str
    paper: str
    statement: str
    sources: tuple[Source, ...]
    readings: Mapping[str, Expectation]
    tags: tuple[str, ...] = ()
    experiment: str = ""
    metric: str = ""
    points: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    unit: float | None = None
    margin: float | None = None
    images: tuple[int, ...] = ()
    clean_images: bool = False
    control: Control | None = None
    ordering: Ordering | None = None

    @property
    def place(self) -> str:
        """Where in the paper."""
        return "; ".join(source.place for source in self.sources)

    @property
    def quote(self) -> str:
        """The paper's words."""
        return " / ".join(source.quote for source in self.sources)

    @property
    def published(self) -> float | list[float] | None:
        """The printed number, those of a curve, or None."""
        return None

    @property
    def criterion(self) -> str:
        """What must hold of the measurements where no number is printed."""
        return ""

    def own_metrics(self, metric: str = "") -> list[str]:
        """Return the metrics of the claim itself, without its trend and its control.

        Args:
            metric: taken in place of the claim's own (its control).
        """
        return [metric or self.metric]

    @property
    def metrics(self) -> list[str]:
        """Every metric that judging the claim reads."""
        names = self.own_metrics()
        names += self.own_metrics(self.control.metric) if self.control else []
        names += self.ordering.metrics if self.ordering else []
        return list(dict.fromkeys(names))

    def value(self, measured: Mapping[str, float], metric: str = "") -> float | list[float]:
        """Return what one seed measured of the claim: a number, or the points of a curve.

        Args:
            measured: metric name to its value.
            metric: taken in place of the claim's own (its control).
        """
        return measured[metric or self.metric]

    def gated_value(self, measured: Mapping[str, float], metric: str = "") -> float | list[float]:
        """Return what of one seed is held against the freshness gate; as :meth:`value`."""
        return self.value(measured, metric)


@dataclass(frozen=True, kw_only=True)
class PublishedClaim(Claim):
    """A claim of printed numbers.

    Attributes:
        margin_reason: why the margin is as it is.
        scale: ``logit`` for rates and confidences, else ``linear``.
        bounds: what a measurement on the linear scale cannot leave.
    """

    unit: float = field()
    margin: float = field()
    margin_reason: str
    scale: Literal["linear", "logit"] = "linear"
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class NumberClaim(PublishedClaim):
    """A printed number."""

    kind = "value"

    @property
    def published(self) -> float:
        """The printed number."""
        return self.points[0]


@dataclass(frozen=True, kw_only=True)
class CurveClaim(PublishedClaim):
    """Several printed numbers, judged together; point i is measured by ``metric[i]``."""

    kind = "curve"

    @property
    def published(self) -> list[float]:
        """The printed numbers."""
        return list(self.points)

    def own_metrics(self, metric: str = "") -> list[str]:
        """Return the metrics of the points, ``metric[0]`` and so on."""
        return [f"{metric or self.metric}[{i}]" for i in range(len(self.points))]

    def value(self, measured: Mapping[str, float], metric: str = "") -> list[float]:
        """Return the measured points."""
        return [measured[name] for name in self.own_metrics(metric)]


@dataclass(frozen=True, kw_only=True)
class OrderingClaim(Claim):
    """A comparison of two metrics, or of one with a constant."""

    kind = "ordering"
    ordering: Ordering = field()

    @property
    def criterion(self) -> str:
        """The comparison."""
        return str(self.ordering)

    def gated_value(self, measured: Mapping[str, float], metric: str = "") -> float:
        """Return by how much the comparison holds, with ``metric`` on its left side if given."""
        left = measured[metric or self.metric]
        return self.ordering.excess({**measured, self.metric: left})


@dataclass(frozen=True, kw_only=True)
class InconsistencyClaim(Claim):
    """The paper against itself, or against its authors' code; nothing is measured."""

    kind = "inconsistency"

    def own_metrics(self, metric: str = "") -> list[str]:
        """Return no metric."""
        return [metric] if metric else []


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
        """Return the names of the metrics without and with the switch."""
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


def _ordering(table: Table) -> Ordering | None:
    entry = table.table("ordering")
    if entry is None:
        return None
    of_metric = isinstance(entry.values.get("than"), str)
    ordering = Ordering(
        metric=entry.slug("metric"),
        relation=entry.choice("relation", (">", "<")),
        than=entry.slug("than") if of_metric else entry.number("than"),
        why=entry.take("why", str),
    )
    entry.done()
    return ordering


def _control(table: Table) -> Control:
    entry = table.table("control")
    if entry is None:
        raise table.fail(
            "no control", "control = { metric = …, why = … }, which must fail the claim"
        )
    control = Control(metric=entry.slug("metric"), why=entry.take("why", str))
    entry.done()
    return control


def _bounds(table: Table) -> tuple[float, float] | None:
    values = table.numbers("bounds", [])
    if not values:
        return None
    if len(values) != 2 or not values[0] < values[1]:
        raise table.fail(f"bounds = {list(values)}", "bounds = [low, high]")
    return values[0], values[1]


def _tags(table: Table) -> tuple[str, ...]:
    tags = table.take("tags", list, [])
    if not all(isinstance(tag, str) and SLUG.fullmatch(tag) for tag in tags):
        raise table.fail(f"tags = {shown(tags)}", "a list of slugs")
    return tuple(tags)


def _claim(values: Any, paper: str, readings: Mapping[str, str]) -> Claim:
    """Read one record; every kind has its own keys."""
    name = values.get("id", "?") if isinstance(values, dict) else "?"
    table = Table(values, f"claim {shown(name)} of {paper}")
    id_ = table.slug("id")
    if not id_.startswith(f"{paper}-"):
        raise table.fail(f"id = {id_!r}", f"an id that begins with {paper}-")
    kind = table.choice("kind", get_args(Kind), "value")
    sources = [_source(table, limit=True)]
    against = table.table("against")
    if against is not None:
        sources.append(_source(against, limit=True))
        against.done()
    expected = table.table("readings")
    if expected is None:
        raise table.fail("no readings", "a table [claim.readings]")
    about: dict[str, Any] = {
        "id": id_,
        "paper": paper,
        "statement": table.take("statement", str),
        "sources": tuple(sources),
        "readings": _expectations(expected, readings),
        "tags": _tags(table),
    }
    if kind == "inconsistency":
        claim: Claim = _inconsistency(table, about)
    else:
        about |= {
            "experiment": table.slug("experiment"),
            "clean_images": table.take("clean_images", bool, False),
            "control": _control(table),
            "ordering": _ordering(table),
        }
        claim = _comparison(table, about) if kind == "ordering" else _numbers(table, kind, about)
    table.done()
    return claim


def _inconsistency(table: Table, about: dict[str, Any]) -> InconsistencyClaim:
    claim = InconsistencyClaim(**about)
    if len(claim.sources) != 2:
        raise table.fail("one source", "two: place and quote, and the table against")
    for expectation in claim.readings.values():
        if expectation.verdict != Verdict.PAPER_INCONSISTENT:
            raise table.fail(f"expected = {expectation.verdict}", "expected = paper-inconsistent")
    return claim


def _comparison(table: Table, about: dict[str, Any]) -> OrderingClaim:
    ordering: Ordering | None = about["ordering"]
    if ordering is None:
        raise table.fail("no ordering", "ordering = { metric, relation, than, why }")
    return OrderingClaim(**about, metric=ordering.metric)


def _numbers(table: Table, kind: Kind, about: dict[str, Any]) -> PublishedClaim:
    about |= {
        "metric": table.slug("metric"),
        "unit": table.number("unit"),
        "margin": table.number("margin"),
        "margin_reason": table.take("margin_reason", str),
        "scale": table.choice("scale", ("linear", "logit"), "linear"),
        "bounds": _bounds(table),
        "images": table.counts("images"),
    }
    claim: PublishedClaim
    if kind == "value":
        claim = NumberClaim(**about, points=(table.number("published"),))
    else:
        points, labels = table.numbers("published"), table.texts("labels")
        if not 1 < len(points) == len(labels):
            found = f"{len(points)} published values and {len(labels)} labels"
            raise table.fail(found, "as many of each, at least two")
        claim = CurveClaim(**about, points=points, labels=labels)
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
    return claim


def parse(text: str, *, name: str) -> Paper:
    """Read the text of one ``claims.toml``.

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
    """Read one ``claims.toml``.

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

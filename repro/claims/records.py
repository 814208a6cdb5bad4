"""Claim records: what a paper says, as validated data. One ``claims.toml`` a paper."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

from repro.claims.schema import check_shape, shown, wrong
from repro.claims.verdict import PASSING, Verdict
from repro.errors import ClaimsError

QUOTE_WORDS = 20
Kind = Literal["value", "curve", "ordering", "inconsistency"]


@dataclass(frozen=True)
class Source:
    """A place and the words that stand there, verbatim.

    Attributes:
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
        """Return by how much it holds (above 0) or fails of what one seed measured, by metric."""
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
        labels: what each point of a curve stands for.
        axis: what the labels are, such as ``eps`` or ``class``.
        unit: the rounding unit of the printed numbers.
        margin: the largest difference that would not change what the paper says.
        ordering: of an ordering the claim itself, else the trend that goes with it.
        clean_images: whether it speaks of clean *test* images, which the embedded
            sample does not have.
        images: how many images each printed rate was counted over, on the logit scale; one
            number for each of ``points``, or none at all.
        post_hoc: by reading, why the claim under it came after its numbers were known, be it the
            claim, its criterion or the reading; a reading that did not is not in it.
        variant_of: the id of the claim whose statement this one judges in another way; it is not
            counted as another statement.
        ours: whether the threshold of an ordering is the suite's own, not the paper's.
        question: whether all of an ordering is the suite's own: an answer to what a paper leaves
            open, which is never counted with what papers state.
        table: the table or figure whose numbers, all of one network, are also judged together.
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
    axis: str = ""
    unit: float | None = None
    margin: float | None = None
    images: tuple[int, ...] = ()
    clean_images: bool = False
    control: Control | None = None
    ordering: Ordering | None = None
    post_hoc: Mapping[str, str] = field(default_factory=dict)
    variant_of: str = ""
    ours: bool = False
    question: bool = False
    table: str = ""

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
        """Return the claim's own metrics, or those of ``metric`` (its control) in their place."""
        own = metric or self.metric
        return [own] if own else []

    @property
    def metrics(self) -> list[str]:
        """Every metric that judging the claim reads."""
        names = self.own_metrics()
        names += self.own_metrics(self.control.metric) if self.control else []
        names += self.ordering.metrics if self.ordering else []
        return list(dict.fromkeys(names))

    def value(self, measured: Mapping[str, float], metric: str = "") -> float | list[float]:
        """Return what one seed measured of the claim, or of ``metric`` (its control) instead."""
        return measured[metric or self.metric]

    def gated_value(self, measured: Mapping[str, float], metric: str = "") -> float | list[float]:
        """Return what of it is held against the freshness gate."""
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


@dataclass(frozen=True)
class Limitation:
    """A published statement that is not checked, and why."""

    source: Source
    why: str


@dataclass(frozen=True)
class Effect:
    """A switch whose effect is measured and shown, and not judged.

    Attributes:
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
    """All that is recorded of one paper.

    Attributes:
        post_hoc_readings: the readings that came after numbers were known, with the reason.
        background: sentences that state nothing about the paper's own results: history, other
            people's results, definitions, the setup. They are listed, and never counted.
    """

    id: str
    title: str
    author: str
    year: int
    readings: Mapping[str, str]
    claims: tuple[Claim, ...]
    limitations: tuple[Limitation, ...]
    effects: tuple[Effect, ...] = ()
    post_hoc_readings: Mapping[str, str] = field(default_factory=dict)
    background: tuple[Source, ...] = ()

    @property
    def citation(self) -> str:
        """Author, year and title."""
        return f"{self.author} ({self.year}), “{self.title}”"

    @property
    def asks(self) -> bool:
        """Whether it is no paper, and all that it has is questions."""
        return bool(self.claims) and all(claim.question for claim in self.claims)


def _source(values: Mapping[str, Any], where: str) -> Source:
    quote = values["quote"]
    # A table's row may be as long as the row is; running text is quoted in a few words.
    if "\t" not in quote and len(quote.split()) > QUOTE_WORDS:
        found = f"a quote of {len(quote.split())} words"
        raise wrong(where, found, f"at most {QUOTE_WORDS} words")
    return Source(values["place"], quote, values.get("code", False))


def _expectations(
    values: Mapping[str, Any], known: Mapping[str, str], where: str
) -> dict[str, Expectation]:
    result = {}
    for reading, entry in values.items():
        if reading not in known:
            raise wrong(where, f"unknown reading {reading!r}", f"one of {', '.join(known)}")
        verdict, reason = Verdict(entry["expected"]), entry.get("reason", "")
        if verdict not in PASSING and not reason.strip():
            found = f"{reading}: {verdict} without a reason"
            raise wrong(where, found, "one sentence that says why")
        result[reading] = Expectation(verdict, reason)
    return result


def _post_hoc(values: Mapping[str, Any], late: Mapping[str, str]) -> dict[str, str]:
    """Say of each reading why the claim under it came after its numbers were known, if it did."""
    own = [values["post_hoc"]] if "post_hoc" in values else []
    reasons = {r: own + ([f"{r}: {late[r]}"] if r in late else []) for r in values["readings"]}
    return {reading: "; ".join(said) for reading, said in reasons.items() if said}


def _ordering(values: Mapping[str, Any]) -> Ordering:
    than = values["than"]
    return Ordering(**{**values, "than": than if isinstance(than, str) else float(than)})


def _claim(
    values: Mapping[str, Any], paper: str, readings: Mapping[str, str], late: Mapping[str, str]
) -> Claim:
    where = f"claim {values['id']!r} of {paper}"
    if not values["id"].startswith(f"{paper}-"):
        raise wrong(where, f"id = {values['id']!r}", f"an id that begins with {paper}-")
    places = [values, values["against"]] if "against" in values else [values]
    kind = values.get("kind", "value")
    about: dict[str, Any] = {
        "id": values["id"],
        "paper": paper,
        "statement": values["statement"],
        "sources": tuple(_source(place, where) for place in places),
        "readings": _expectations(values["readings"], readings, where),
        "tags": tuple(values.get("tags", ())),
    }
    if kind == "inconsistency":
        return InconsistencyClaim(**about)
    ordering = _ordering(values["ordering"]) if "ordering" in values else None
    plain = ("experiment", "clean_images", "variant_of", "table")
    about |= {name: values[name] for name in plain if name in values}
    about |= {
        "ours": "criterion" in values,
        "post_hoc": _post_hoc(values, late),
        "question": values.get("criterion") == "question",
        "control": Control(**values["control"]),
        "ordering": ordering,
        "metric": values["metric"] if ordering is None or kind != "ordering" else ordering.metric,
    }
    return OrderingClaim(**about) if kind == "ordering" else _numbers(values, about, where)


def _numbers(values: Mapping[str, Any], about: dict[str, Any], where: str) -> PublishedClaim:
    """Read what a claim of printed numbers has besides."""
    curve = isinstance(values["published"], list)
    several: Callable[[Any], list[Any]] = list if curve else lambda value: [value]
    about |= {
        "points": tuple(map(float, several(values["published"]))),
        "labels": tuple(values.get("labels", ())),
        "axis": values.get("axis", ""),
        "unit": float(values["unit"]),
        "margin": float(values["margin"]),
        "margin_reason": values["margin_reason"],
        "scale": values.get("scale", "linear"),
        "bounds": tuple(map(float, values["bounds"])) if "bounds" in values else None,
        "images": tuple(several(values["images"])) if "images" in values else (),
    }
    claim: PublishedClaim = CurveClaim(**about) if curve else NumberClaim(**about)
    if curve and len(claim.points) != len(claim.labels):
        found = f"{len(claim.points)} published values and {len(claim.labels)} labels"
        raise wrong(where, found, "as many of each")
    if claim.bounds:
        low, high = claim.bounds
        if not low < high or (claim.scale == "logit" and (low, high) != (0, 1)):
            found = f"bounds = {list(claim.bounds)} with scale = {claim.scale}"
            raise wrong(where, found, "bounds = [low, high], which are [0, 1] on the logit scale")
        if not all(low <= value <= high for value in claim.points):
            found = f"published = {shown(claim.points)}"
            raise wrong(where, found, f"published within bounds = [{low:g}, {high:g}]")
    if claim.images and (claim.scale != "logit" or len(claim.images) != len(claim.points)):
        found = f"images = {shown(claim.images)} with scale = {claim.scale}"
        raise wrong(where, found, "one number for each published value, on the logit scale")
    if claim.scale == "logit" and not all(
        0 < value < 1 or (claim.images and value in (0, 1)) for value in claim.points
    ):
        found = f"published = {shown(claim.points)} on the logit scale"
        raise wrong(where, found, "a rate in (0, 1), or with images in [0, 1]")
    return claim


@lru_cache(maxsize=16)  # one process asks for the same papers again and again
def parse(text: str, *, name: str) -> Paper:
    """Read the text of one ``claims.toml``.

    Raises:
        ClaimsError: not TOML, or any key missing, unknown, of the wrong type or range.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Beside TOML's own error: an integer too long to read, brackets too deep to follow.
        raise wrong(name, str(error), "valid TOML") from error
    check_shape(document, name)
    about, readings = document["paper"], document["readings"]
    late = document.get("post_hoc_readings", {})
    if unknown := ", ".join(late.keys() - readings.keys()):
        found = f"post_hoc_readings: unknown reading {unknown}"
        raise wrong(name, found, f"one of {', '.join(readings)}")
    claims = tuple(_claim(values, about["id"], readings, late) for values in document["claim"])
    ids = [claim.id for claim in claims]
    twice = sorted({i for i in ids if ids.count(i) > 1})
    if twice:
        raise wrong(name, f"duplicate id {', '.join(twice)}", "each id once")
    counted = {claim.id for claim in claims if not claim.variant_of}
    for claim in claims:
        if claim.variant_of and claim.variant_of not in counted:
            found = f"variant_of = {claim.variant_of!r}"
            expected = "the id of a claim that is no variant itself"
            raise wrong(f"claim {claim.id!r} of {about['id']}", found, expected)
    return Paper(
        **about,
        readings=readings,
        post_hoc_readings=late,
        claims=claims,
        limitations=tuple(
            Limitation(_source(values, f"{name}, limitation"), values["why"])
            for values in document.get("limitation", ())
        ),
        effects=tuple(
            Effect(v["what"], v["experiment"], v["from"], v["to"], tuple(v["measures"]))
            for v in document.get("effect", ())
        ),
        background=tuple(
            _source(values, f"{name}, background") for values in document.get("background", ())
        ),
    )


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

"""Claim records: what is accepted, and one clear error for everything else."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_paper import PAPER, document

from repro.claims.records import Ordering, Paper, load, parse
from repro.claims.verdict import Verdict
from repro.errors import ClaimsError

TEXT = document(PAPER)
VALUE, CLEAN, ORDER, TWICE = range(4)
LACOK = Path(__file__).parents[3] / "repro" / "papers" / "lacok2016" / "claims.toml"


def changed(path: tuple[object, ...], value: object = ...) -> str:
    """The tiny paper's text with one entry replaced, or removed."""
    paper = copy.deepcopy(PAPER)
    spot = paper
    for key in path[:-1]:
        spot = spot[key]
    if value is ...:
        del spot[path[-1]]
    else:
        spot[path[-1]] = value
    return document(paper)


def refuse(text: str) -> ClaimsError:
    with pytest.raises(ClaimsError) as caught:
        parse(text, name="tiny/claims.toml")
    error = caught.value
    assert error.found
    assert error.expected
    assert error.do
    assert error.__cause__ is None or not isinstance(error.__cause__, LookupError)
    return error


def test_a_valid_paper_comes_back_whole():
    paper = parse(TEXT, name="tiny")
    assert isinstance(paper, Paper)
    assert (paper.id, paper.year, list(paper.readings)) == ("tiny", 2020, ["plain", "other"])
    value, clean, order, twice = paper.claims
    assert (value.published, value.unit, value.margin, value.kind) == (0.5, 0.01, 0.2, "value")
    assert value.tags == ("headline", "table1")
    assert value.scale == "linear"
    assert value.control is not None
    assert value.control.metric == "control-error"
    assert str(value.ordering) == "error > small"
    assert (clean.clean_images, value.clean_images) == (True, False)
    assert (order.published, order.metric, order.margin) == (None, "error", None)
    assert [claim.kind for claim in paper.claims] == [
        "value",
        "value",
        "ordering",
        "inconsistency",
    ]
    assert str(order.ordering) == "error > 0.2"
    assert twice.place == "Section 2; Appendix"
    assert twice.quote == "outside the root / inside the root"
    assert twice.readings["plain"].verdict is Verdict.PAPER_INCONSISTENT
    assert paper.limitations[0].why == "not measured"
    assert [source.quote for source in paper.background] == ["Networks are popular since 2012"]


@pytest.mark.parametrize(
    ("relation", "than", "expected"),
    [
        (">", "b", [-1.0, 0.0, 2.0]),
        ("<", "b", [1.0, 0.0, -2.0]),
        (">", 2.0, [-1.0, 0.0, 2.0]),
        ("<", 2.0, [1.0, 0.0, -2.0]),
    ],
)
def test_an_ordering_exceeds_0_where_it_holds(relation, than, expected):
    ordering = Ordering("a", relation, than, "so")
    assert [ordering.excess({"a": a, "b": 2.0}) for a in (1.0, 2.0, 4.0)] == expected


def test_the_metrics_that_judging_reads():
    paper = parse(changed(("claim", CLEAN), PAPER["claim"][CLEAN] | CURVE), name="tiny")
    assert [claim.metrics for claim in paper.claims] == [
        ["error", "control-error", "small"],
        [f"{name}[{i}]" for name in ("clean", "control-error") for i in range(3)],
        ["error", "small"],
        [],
    ]


def test_what_a_seed_measured_of_each_kind():
    paper = parse(changed(("claim", CLEAN), PAPER["claim"][CLEAN] | CURVE), name="tiny")
    number, curve, order, _ = paper.claims
    measured = {"error": 0.5, "small": 0.1} | {f"clean[{i}]": float(i) for i in range(3)}
    assert number.value(measured) == number.gated_value(measured) == 0.5
    assert curve.value(measured) == curve.gated_value(measured) == [0.0, 1.0, 2.0]
    assert (order.value(measured), order.gated_value(measured)) == (0.5, 0.5 - 0.2)
    # The control takes the claim's place.
    assert number.value(measured, "small") == order.value(measured, "small") == 0.1
    assert order.gated_value(measured, "small") == 0.1 - 0.2


def test_a_claim_or_a_reading_that_came_after_numbers_were_known():
    late = changed(("claim", VALUE), PAPER["claim"][VALUE] | {"post_hoc": "so"})
    of_reading = "\n[post_hoc_readings]\nother = 'two seeds'\n"
    paper = parse(late + of_reading, name="tiny")
    assert paper.post_hoc_readings == {"other": "two seeds"}
    assert [claim.post_hoc for claim in paper.claims] == [
        {"plain": "so", "other": "so; other: two seeds"},
        *(
            {"other": "two seeds"} if "other" in claim.readings else {}
            for claim in paper.claims[1:]
        ),
    ]
    assert [claim.post_hoc for claim in parse(TEXT, name="tiny").claims] == [{}] * 4
    error = refuse(TEXT + of_reading.replace("other", "others"))
    assert "unknown reading others" in error.found
    assert error.expected == "one of plain, other"


def asking(*claims: int) -> str:
    """The tiny paper with these of its claims, its ordering being a question."""
    paper = copy.deepcopy(PAPER)
    paper["claim"][ORDER]["criterion"] = "question"
    paper["claim"] = [paper["claim"][i] for i in claims]
    return document(paper)


def test_a_question_is_an_ordering_whose_criterion_is_no_paper_s():
    texts = [changed(("claim", ORDER, "criterion"), who) for who in ("ours", "question")]
    orders = [parse(text, name="x").claims[ORDER] for text in (*texts, TEXT)]
    assert [claim.ours for claim in orders] == [True, True, False]
    assert [claim.question for claim in orders] == [False, True, False]
    refuse(changed(("claim", ORDER, "criterion"), "theirs"))
    for claim in (VALUE, TWICE):
        refuse(changed(("claim", claim, "criterion"), "question"))


def test_what_has_questions_alone_is_no_paper():
    assert parse(asking(ORDER), name="x").asks
    assert not parse(asking(VALUE, ORDER), name="x").asks
    assert not parse(TEXT, name="x").asks
    assert not parse(asking(), name="x").asks  # a paper whose claims are still to be written


def test_the_shipped_records_are_valid():
    assert load(LACOK).id == "lacok2016"


def test_editors_find_a_valid_schema():
    for path in LACOK.parents[1].glob("*/claims.toml"):
        key, _, schema = path.read_text(encoding="utf-8").partition("\n")[0].partition(" ")
        assert key == "#:schema"
        text = (path.parent / schema).read_text(encoding="utf-8")
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
        assert "unevaluated" not in text  # editors pass over it, and over what stands beside $ref


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("paper",), "no key 'paper'"),
        *((("paper", key), f"no key {key!r}") for key in PAPER["paper"]),
        (("readings",), "no key 'readings'"),
        (("claim",), "no key 'claim'"),
        *(
            (("claim", VALUE, key), f"no key {key!r}")
            for key in PAPER["claim"][VALUE]
            if key not in ("readings", "control", "ordering", "tags")
        ),
        (("claim", VALUE, "readings"), "no key 'readings'"),
        (("claim", VALUE, "control"), "no key 'control'"),
        (("claim", VALUE, "control", "metric"), "no key 'metric'"),
        (("claim", VALUE, "control", "why"), "no key 'why'"),
        (("claim", ORDER, "ordering"), "no key 'ordering'"),
        *((("claim", ORDER, "ordering", k), k) for k in ("metric", "relation", "than", "why")),
        (("claim", ORDER, "experiment"), "no key 'experiment'"),
        (("claim", VALUE, "readings", "plain", "expected"), "no key 'expected'"),
        (("claim", TWICE, "against"), "no key 'against'"),
        (("claim", TWICE, "against", "quote"), "no key 'quote'"),
        (("claim", TWICE, "readings", "plain", "reason"), "without a reason"),
        *((("limitation", 0, key), f"no key {key!r}") for key in ("place", "quote", "why")),
        *((("background", 0, key), f"no key {key!r}") for key in ("place", "quote")),
    ],
)
def test_a_missing_key_is_an_error(path, found):
    assert found in refuse(changed(path)).found


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("statement", "statement = some text"),
        ("margin", "margin = a finite number above 0"),
        ("control", "control = { metric, why }, which must fail the claim"),
    ],
)
def test_a_missing_key_s_error_says_what_it_should_be(key, expected):
    assert refuse(changed(("claim", VALUE, key))).expected == expected


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        (("more",), 1, "unknown key 'more'"),
        (("paper", "doi"), "x", "unknown key 'doi'"),
        (("claim", VALUE, "cheat"), True, "unknown key 'cheat'"),
        (("claim", VALUE, "readings", "plain", "verdict"), "x", "unknown key 'verdict'"),
        (("claim", VALUE, "control", "more"), 1, "unknown key 'more'"),
        (("claim", VALUE, "ordering", "more"), 1, "unknown key 'more'"),
        (("claim", TWICE, "against", "more"), 1, "unknown key 'more'"),
        (("claim", ORDER, "published"), 0.5, "unknown key 'published'"),
        (("claim", TWICE, "experiment"), "toy", "unknown key 'experiment'"),
        (("claim", TWICE, "control"), {"metric": "a", "why": "b"}, "unknown key 'control'"),
        (("limitation", 0, "more"), 1, "unknown key 'more'"),
        (("background", 0, "why"), "x", "unknown key 'why'"),
    ],
)
def test_an_unknown_key_is_an_error(path, value, found):
    assert found in refuse(changed(path, value)).found


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("paper",), "tiny"),
        (("paper",), [1]),
        (("paper", "id"), "Tiny Paper"),
        (("paper", "id"), "../tiny"),
        (("paper", "year"), True),
        (("paper", "year"), "2020"),
        (("paper", "title"), " \n"),
        (("readings",), ["plain"]),
        (("readings",), {}),
        (("readings", "Plain Words"), "x"),
        (("readings", "plain"), ""),
        (("readings", "plain"), 3),
        (("claim",), PAPER["claim"][VALUE]),  # [claim], not [[claim]]
        (("claim",), [1]),
        (("claim",), ["tiny-error"]),
        (("claim",), [[PAPER["claim"][VALUE]]]),
        (("limitation",), {"place": "x", "quote": "y", "why": "z"}),
        (("limitation",), [1]),
        (("limitation",), ["x"]),
        (("claim", VALUE, "id"), 5),
        (("claim", VALUE, "id"), "tiny-Error"),
        (("claim", VALUE, "id"), "tiny-error\n"),
        (("claim", VALUE, "id"), "tiny--error"),
        (("claim", VALUE, "id"), "other-error"),
        (("claim", VALUE, "id"), "tiny"),
        (("claim", VALUE, "id"), "tiny-clean"),  # another claim's
        (("claim", VALUE, "kind"), "guess"),
        (("claim", VALUE, "kind"), ["value"]),
        (("claim", VALUE, "quote"), "word " * 21),
        (("claim", VALUE, "quote"), ""),
        (("claim", VALUE, "quote"), ["a", "b"]),
        (("claim", TWICE, "against", "quote"), "word " * 21),
        (("limitation", 0, "quote"), "word " * 21),
        (("background", 0, "quote"), "word " * 21),
        (("background",), {"place": "x", "quote": "y"}),
        (("claim", VALUE, "published"), True),
        (("claim", VALUE, "published"), "0.5"),
        (("claim", VALUE, "published"), float("nan")),
        (("claim", VALUE, "published"), float("inf")),
        (("claim", VALUE, "published"), 10**400),
        (("claim", VALUE, "published"), {"value": 0.5}),
        (("claim", VALUE, "unit"), 0),
        (("claim", VALUE, "unit"), float("inf")),
        (("claim", VALUE, "margin"), 0),
        (("claim", VALUE, "margin"), -0.1),
        (("claim", VALUE, "margin"), float("nan")),
        (("claim", VALUE, "margin"), True),
        (("claim", VALUE, "experiment"), "The Toy"),
        (("claim", VALUE, "metric"), "Error rate"),
        (("claim", VALUE, "scale"), "log"),
        (("claim", VALUE, "clean_images"), "no"),
        (("claim", VALUE, "clean_images"), 1),
        (("claim", VALUE, "tags"), "headline"),
        (("claim", VALUE, "tags"), [1]),
        (("claim", VALUE, "tags"), ["Head Line"]),
        (("claim", TWICE, "tags"), [["code"]]),
        (("claim", TWICE, "tags"), ["a b"]),
        (("claim", VALUE, "control"), "control-error"),
        (("claim", VALUE, "control", "metric"), "Control Error"),
        (("claim", VALUE, "ordering"), "error > small"),
        (("claim", VALUE, "ordering", "relation"), ">="),
        (("claim", VALUE, "ordering", "than"), True),
        (("claim", VALUE, "ordering", "than"), "no slug!"),
        (("claim", VALUE, "ordering", "than"), float("nan")),
        (("claim", VALUE, "ordering", "than"), 10**400),
        (("claim", VALUE, "ordering", "than"), [0.1]),
        (("claim", VALUE, "readings"), []),
        (("claim", VALUE, "readings"), {}),
        (("claim", VALUE, "readings"), {"plane": {"expected": "reproduced"}}),
        (("claim", VALUE, "readings"), {"plain": "reproduced"}),
        (("claim", VALUE, "readings", "plain", "expected"), "passed"),
        (("claim", VALUE, "readings", "plain", "expected"), "not-run"),
        (("claim", VALUE, "readings", "plain", "expected"), "inconclusive"),  # and no reason
        (("claim", VALUE, "readings", "plain", "expected"), 1),
        (("claim", TWICE, "readings", "plain", "expected"), "reproduced"),
    ],
)
def test_a_wrong_value_is_an_error(path, value):
    refuse(changed(path, value))


@pytest.mark.parametrize("published", [0, 1, 0.0, 1.0, -0.1, 97])
def test_a_rate_on_the_logit_scale_lies_between_0_and_1(published):
    paper = copy.deepcopy(PAPER)
    paper["claim"][VALUE] |= {"scale": "logit", "published": published}
    assert "logit scale" in refuse(document(paper)).found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"bounds": [1, 0]}, "bounds"),
        ({"bounds": [0, 2], "scale": "logit"}, "bounds"),
        ({"bounds": [0, 0.5]}, "published"),
        ({"bounds": [0.98, 1]}, "published"),
    ],
)
def test_bounds_hold_the_published_value(changes, found):
    paper = copy.deepcopy(PAPER)
    paper["claim"][VALUE] |= {"published": 0.97} | changes
    assert f": {found} = " in refuse(document(paper)).found


CURVE = {"kind": "curve", "published": [0.5, 0.97, 1.0], "labels": ["a", "b", "c"]}


def with_images(images: object, **changes: object) -> str:
    """The tiny paper with the number of images of its first claim, on the logit scale."""
    paper = copy.deepcopy(PAPER)
    paper["claim"][VALUE] |= {"scale": "logit", "images": images} | changes
    return document(paper)


def test_images_are_one_number_a_published_value():
    assert [claim.images for claim in parse(TEXT, name="tiny").claims] == [(), (), (), ()]
    for published in (0.5, 0.0, 1.0):
        value = parse(with_images(892, published=published), name="tiny").claims[VALUE]
        assert (value.images, value.published) == ((892,), published)
    curve = parse(with_images([980, 1135, 1], **CURVE), name="tiny").claims[VALUE]
    assert curve.images == (980, 1135, 1)


@pytest.mark.parametrize(
    ("images", "changes"),
    [
        *((images, {}) for images in (0, -1, True, False, 892.0, "892", [], {}, 10**400)),
        (892, {"scale": "linear"}),
        ([892, 892], {}),
        *((images, CURVE) for images in (892, [], [1], [1, 2], [1, 2, 3, 4])),
        *(([9, 9, wrong], CURVE) for wrong in (0, -1, True, 9.0, "9", [9])),
        ([9, 9, 9], CURVE | {"scale": "linear"}),
    ],
)
def test_other_images_are_an_error(images, changes):
    assert "images" in refuse(with_images(images, **changes)).found


@pytest.mark.parametrize("claim", [ORDER, TWICE])
def test_only_what_is_published_as_a_number_has_images(claim):
    assert "unknown key 'images'" in refuse(changed(("claim", claim, "images"), 892)).found


@pytest.mark.parametrize("published", [-0.1, 1.1, 97])
def test_a_rate_with_images_lies_between_0_and_1_too(published):
    assert "logit scale" in refuse(with_images(892, published=published)).found


def test_a_variant_is_of_a_claim_that_is_there():
    spot = ("claim", VALUE, "variant_of")
    variant = parse(changed(spot, "tiny-clean"), name="tiny").claims[VALUE]
    assert variant.variant_of == "tiny-clean"
    for name in ("tiny-cleaner", "tiny-error"):  # which would be counted nowhere
        error = refuse(changed(spot, name))
        assert error.found == f"claim 'tiny-error' of tiny: variant_of = {name!r}"


def test_what_looks_wrong_and_is_not():
    for path, value in (
        (("claim", VALUE, "quote"), "word " * 20),
        (("claim", VALUE, "quote"), "a row\t" + "0.5 " * 30),
        (("claim", VALUE, "published"), 97),
        (("claim", VALUE, "ordering", "than"), -1),
        (("claim", VALUE, "tags"), []),
        (("claim", VALUE, "against"), {"place": "Table 2", "quote": "0.5"}),
        (("limitation",), []),
        (("background",), []),
        (("claim",), []),
    ):
        parse(changed(path, value), name="tiny")


def test_the_error_names_the_claim_and_the_file():
    error = refuse(changed(("claim", CLEAN, "margin"), "wide"))
    assert error.found == "claim 'tiny-clean' in tiny/claims.toml: margin = 'wide'"
    assert error.expected == "a finite number above 0"
    assert error.do == "correct claims.toml"
    assert refuse("[[[").found.startswith("tiny/claims.toml: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "= 1",
        "claim = [",
        "a = 1\na = 2",
        "[paper]\nid = 'tiny'\n[paper]\n",
        "\ufeff" + TEXT,
        TEXT + "\x00",
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "9" * 5000,
        "a." * 3000 + "a = 1",
        TEXT.replace("0.01", "0x" + "f" * 5000),
        TEXT.replace('"Nobody"', "0x" + "f" * 5000),
    ],
)
def test_what_is_not_toml_is_an_error(text):
    refuse(text)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    path = tmp_path / "tiny" / "claims.toml"
    with pytest.raises(ClaimsError, match=r"claims\.toml cannot be read"):
        load(path)
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe" + TEXT.encode("utf-16-le"))
    with pytest.raises(ClaimsError, match=r"a claims\.toml in UTF-8"):
        load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(ClaimsError, match="cannot be read"):
        load(path)


# --- whatever stands there, a paper or a ClaimsError ------------------------------------


def accept_or_refuse(text: str) -> None:
    with suppress(ClaimsError):
        parse(text, name="fuzz")


@settings(max_examples=60)
@given(st.text())
def test_any_text_is_accepted_or_refused(text):
    accept_or_refuse(text)


@settings(max_examples=150)
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text(max_size=4))
@example(0, 0, "x")
def test_a_typing_error_is_accepted_or_refused(spot, length, typed):
    accept_or_refuse(TEXT[:spot] + typed + TEXT[spot + length :])


PATHS = [
    path
    for i, claim in enumerate(PAPER["claim"])
    for key, inner in claim.items()
    for path in [
        ("claim", i, key),
        *([("claim", i, key, k) for k in inner] if isinstance(inner, dict) else []),
    ]
] + [("paper",), ("readings",), ("claim",), ("limitation",), ("claim", 0), ("limitation", 0)]
ANYTHING = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(10**320), 10**320),
        st.floats(),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["id", "a"]), inner)
    ),
    max_leaves=4,
)


@settings(max_examples=150)
@given(st.sampled_from(PATHS), ANYTHING)
def test_any_value_anywhere_is_accepted_or_refused(path, value):
    accept_or_refuse(changed(path, value))

"""Populations: every digit kept, nothing overwritten, no damage unnoticed."""

from __future__ import annotations

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_paper import row

from repro.errors import EvidenceError, StoreError
from repro.judge import populations
from repro.judge.populations import PROVENANCE, Archive, add, dump, load, parse, path_of

PATH = Path("tiny-toy--plain.csv")
ROWS = [row(seed, {"error": 0.1 + seed / 7, "clean": -1e-9 * seed}) for seed in (0, 1, 5)]
TEXT = dump(ROWS)

finite = st.floats(allow_nan=False, allow_infinity=False)


def refuse(text: str) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        parse(text, PATH)
    assert PATH.name in caught.value.found
    return caught.value


def edited(line: int, column: int, cell: str) -> str:
    lines = [text.split(",") for text in TEXT.splitlines()]
    lines[line][column] = cell
    return "".join(",".join(cells) + "\n" for cells in lines)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Where the locks are."""
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path / "cache"))


def test_where_a_population_is_kept():
    path = path_of(Path("root"), "embedded", "tiny", "toy", "as-written")
    assert path == Path("root/embedded/tiny-toy--as-written.csv")


def test_what_is_dumped_is_parsed():
    population = parse(TEXT, PATH)
    assert list(population.rows) == ROWS
    assert population.seeds == (0, 1, 5)
    assert population.values("error") == [r.measurements["error"] for r in ROWS]
    assert dump(population.rows) == TEXT


def test_the_seconds_are_a_cpu_s():
    told = [("9", "cpu"), ("1", "cuda (fast)"), ("7", "cpu"), ("8", "cpu"), ("", "cpu")]
    made = [row(i, {"a": 0.5}, seconds=s, device=d) for i, (s, d) in enumerate(told)]
    assert parse(dump(made), PATH).seconds() == 8
    assert parse(dump(made[1:2]), PATH).seconds() == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.dictionaries(st.integers(0, 10**6), st.tuples(finite, finite), min_size=1, max_size=5),
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12),
)
def test_the_round_trip_keeps_every_digit_and_all_text(values, text):
    rows = [row(seed, {"a": a, "b": b}, cpu=text) for seed, (a, b) in values.items()]
    back = parse(dump(rows), PATH)
    assert list(back.rows) == sorted(rows, key=lambda r: r.seed)
    for name in ("a", "b"):
        expected = [r.measurements[name] for r in sorted(rows, key=lambda r: r.seed)]
        assert [math.copysign(1, v) for v in back.values(name)] == [
            math.copysign(1, v) for v in expected
        ]


@pytest.mark.parametrize("value", [np.float64(0.1), np.float32(0.5), 1, True])
def test_numbers_of_every_kind_are_written_as_numbers(value):
    assert parse(dump([row(0, {"error": value})]), PATH).values("error") == [float(value)]


def test_the_rows_are_written_by_rising_seed():
    assert dump(ROWS[::-1]) == TEXT


def test_no_file_is_a_population_without_rows(tmp_path):
    population = load(tmp_path / PATH)
    assert population.rows == ()
    assert population.values("error") == []


def test_an_unknown_metric_names_those_there_are():
    with pytest.raises(EvidenceError, match="no metric 'gone'") as caught:
        parse(TEXT, PATH).values("gone")
    assert caught.value.expected == "one of error, clean"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "empty"),
        ("\n", "empty"),
        ("seed,error\n0,0.5\n", "columns ['seed', 'error']"),
        (TEXT.replace("seed", "SEED", 1), "columns"),
        (TEXT.replace("configuration,weights_sha256", "weights_sha256,configuration"), "columns"),
        (TEXT.replace("error,clean", "error,error"), "doubled"),
        (TEXT.replace("error,clean", "error,"), "no name"),
        (TEXT.replace("error,clean", "error,seed"), "doubled"),
        (TEXT + TEXT.splitlines()[-1] + "\n", "seeds [0, 1, 5, 5]"),
        ("\n".join(TEXT.splitlines()[i] for i in (0, 2, 1, 3)) + "\n", "seeds [1, 0, 5]"),
        (TEXT + "\n", "a row of 0 cells"),
        (TEXT + "6,\n", "a row of 2 cells"),
        (TEXT[:-1] + ",0.5\n", "a row of 14 cells"),
        (TEXT[:-1], "cut off"),
        (TEXT[:-3], "cut off"),
        (TEXT[: TEXT.rindex(",")] + "\n", "a row of 12 cells"),
        (TEXT + "<<<<<<< HEAD\n", "a row of 1 cells"),
        (edited(1, 0, "-1"), "seed -1"),
        (edited(1, 0, "0.5"), "'0.5'"),
        (edited(1, 0, ""), "''"),
        (edited(2, 11, "nan"), "not finite in ['error']"),
        (edited(2, 11, "inf"), "not finite in ['error']"),
        (edited(2, 11, ""), "could not convert"),
        (edited(2, 11, "0.5%"), "could not convert"),
        (edited(2, 11, "np.float64(0.5)"), "could not convert"),
        (edited(2, 12, '"0.5'), "not a CSV table"),
        (edited(2, 1, "x" * 200_000), "not a CSV table"),
        (TEXT.replace("\n", "\r"), "not a CSV table"),
    ],
)
def test_damage_is_an_error(text, found):
    error = refuse(text)
    assert found in error.found
    assert "restore the file" in error.do


def test_an_error_tells_full_from_embedded():
    with pytest.raises(EvidenceError, match=f"^found: embedded/{PATH}: empty"):
        parse("", Path("root/embedded") / PATH)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_a_file_cut_off_within_a_row_is_an_error(data):
    ends = [i for i, letter in enumerate(TEXT) if letter == "\n"]
    spot = data.draw(st.integers(0, len(TEXT) - 1))
    if spot - 1 in ends:
        # Whole rows only: nothing in the file can tell; the repository's history can.
        assert len(parse(TEXT[:spot], PATH).rows) < len(ROWS)
    else:
        refuse(TEXT[:spot])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.integers(0, len(TEXT)), st.integers(0, 30), st.text(max_size=5))
def test_any_damage_is_an_error_or_a_valid_table(spot, length, noise):
    text = TEXT[:spot] + noise + TEXT[spot + length :]
    try:
        population = parse(text, PATH)
    except EvidenceError:
        return
    assert population.seeds == tuple(sorted(set(population.seeds)))
    assert all(math.isfinite(v) for r in population.rows for v in r.measurements.values())
    assert parse(dump(population.rows), PATH).rows == population.rows if population.rows else True


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text())
def test_any_text_is_an_error_or_a_table(text):
    try:
        parse(text, PATH)
    except EvidenceError as error:
        assert error.do  # noqa: PT017 - either is fine, but not a word less


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    path = tmp_path / PATH
    path.write_bytes(TEXT.encode("utf-16"))
    with pytest.raises(EvidenceError, match="cannot be read"):
        load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(EvidenceError, match="cannot be read"):
        load(path)


# --- adding ------------------------------------------------------------------------------


def test_adding_seeds_in_any_order(tmp_path):
    path = tmp_path / "full" / PATH
    assert [add(path, r) for r in ROWS[::-1]] == [True, True, True]
    assert path.read_text(encoding="utf-8") == TEXT
    assert list(load(path).rows) == ROWS


def test_a_seed_that_is_there_stays_as_it_is(tmp_path):
    path = tmp_path / PATH
    add(path, ROWS[0])
    before = path.read_bytes()
    again = row(0, {"error": 0.9, "clean": 0.9})
    assert add(path, again) is False
    assert path.read_bytes() == before


def test_another_configuration_is_never_overwritten(tmp_path):
    path = tmp_path / PATH
    add(path, ROWS[0])
    before = path.read_bytes()
    other = row(0, ROWS[0].measurements, configuration="another")
    with pytest.raises(EvidenceError, match="has seed 0 of configuration some configurati…"):
        add(path, other)
    assert path.read_bytes() == before


@pytest.mark.parametrize("metrics", [{"error": 0.5}, {"error": 0.5, "clean": 0.5, "more": 0.5}])
def test_other_metrics_are_refused(tmp_path, metrics):
    path = tmp_path / PATH
    add(path, ROWS[0])
    before = path.read_bytes()
    with pytest.raises(EvidenceError, match="has metrics"):
        add(path, row(1, metrics))
    assert path.read_bytes() == before


def test_metrics_in_another_order_land_in_their_own_columns(tmp_path):
    path = tmp_path / PATH
    add(path, row(0, {"a": 1.0, "b": 2.0}))
    add(path, row(1, {"b": 4.0, "a": 3.0}))
    assert load(path).values("a") == [1.0, 3.0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_could_not_be_read_again_is_not_written(tmp_path, bad):
    path = tmp_path / PATH
    add(path, ROWS[0])
    before = path.read_bytes()
    with pytest.raises(EvidenceError, match="not finite"):
        add(path, row(1, {"error": bad, "clean": 0.5}))
    with pytest.raises(EvidenceError, match="seed -1"):
        add(path, row(-1, {"error": 0.5, "clean": 0.5}))
    assert path.read_bytes() == before


def test_a_damaged_file_is_not_added_to(tmp_path):
    path = tmp_path / PATH
    path.write_text(TEXT[:-4])
    with pytest.raises(EvidenceError, match="cut off"):
        add(path, row(9, {"error": 0.5, "clean": 0.5}))
    assert path.read_text() == TEXT[:-4]


def test_a_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "full").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written"):
        add(tmp_path / "full" / PATH, ROWS[0])


def test_nothing_half_written_is_left(tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    path = tmp_path / PATH
    add(path, ROWS[0])
    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(StoreError, match="No space left"):
        add(path, ROWS[1])
    assert list(load(path).rows) == ROWS[:1]
    assert {p.name for p in tmp_path.iterdir()} == {PATH.name, "cache"}


ADDER = """
import sys
from pathlib import Path
from repro.judge.populations import PROVENANCE, Row, add
first = int(sys.argv[2])
for seed in [*range(first, 40, 2), *range(10)]:
    add(Path(sys.argv[1]), Row(seed, dict.fromkeys(PROVENANCE, "x"), {"error": seed / 3}))
"""


def test_two_processes_add_to_one_file(tmp_path):
    path = tmp_path / PATH
    both = [
        subprocess.Popen([sys.executable, "-c", ADDER, str(path), str(first)]) for first in (0, 1)
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    population = load(path)
    assert population.seeds == tuple(range(40))
    assert population.values("error") == [seed / 3 for seed in range(40)]


def test_the_provenance_columns_are_part_of_the_format():
    """Every committed file has them: a change here makes all evidence unreadable."""
    assert populations.PROVENANCE is PROVENANCE
    assert TEXT.splitlines()[0].split(",") == [
        *("seed", "configuration", "weights_sha256", "torch", "numpy", "cpu"),
        *("device", "kernel", "threads", "date", "seconds", "error", "clean"),
    ]


# --- the archive ---------------------------------------------------------------------------

SPOT = ("full", "tiny", "toy", "plain")


@pytest.fixture
def shipped(tmp_path):
    """A folder of one population with its sums; the path of the file."""
    path = path_of(tmp_path / "populations", *SPOT)
    path.parent.mkdir(parents=True)
    path.write_text(TEXT, encoding="utf-8")
    sums = f"{hashlib.sha256(TEXT.encode()).hexdigest()}  full/{path.name}\n"
    (tmp_path / "populations" / "SHA256SUMS").write_text(sums)
    return path


def test_a_population_is_read_once(shipped):
    archive = Archive(shipped.parents[1])
    found = archive.population(*SPOT)
    assert list(found.rows) == ROWS
    shipped.unlink()
    assert archive.population(*SPOT) is found
    assert archive.population("embedded", "tiny", "toy", "plain").rows == ()


@pytest.mark.parametrize(
    "text",
    [
        edited(1, 11, "0.2"),
        "".join(TEXT.splitlines(keepends=True)[:-1]),
        TEXT + TEXT.splitlines()[-1].replace("5,", "6,", 1) + "\n",
        None,
    ],
    ids=["a digit", "a seed less", "a seed more", "no file"],
)
def test_what_the_sums_do_not_name_is_no_evidence(shipped, text):
    shipped.unlink()
    if text is not None:
        shipped.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"--plain\.csv is not the file that SHA256SUMS names"):
        Archive(shipped.parents[1]).population(*SPOT)
    unchecked = Archive(shipped.parents[1], check_sums=False).population(*SPOT)
    assert len(unchecked.rows) == (0 if text is None else text.count("\n") - 1)


def test_a_population_that_the_sums_do_not_name_is_no_evidence(shipped):
    shipped.rename(shipped.with_name("tiny-toy--other.csv"))
    with pytest.raises(EvidenceError, match=r"full/tiny-toy--other\.csv is not named in SHA256"):
        Archive(shipped.parents[1]).population("full", "tiny", "toy", "other")


def test_the_whole_hash_decides(shipped):
    sums = shipped.parents[1] / "SHA256SUMS"
    digest, _, rest = sums.read_text().partition(" ")
    sums.write_text(f"{digest[:-1]}{'0' if digest[-1] != '0' else '1'} {rest}")
    with pytest.raises(EvidenceError, match="is not the file that SHA256SUMS names"):
        Archive(shipped.parents[1]).population(*SPOT)


def test_calibrating_adds_to_a_population_that_the_sums_name(shipped):
    assert add(shipped, row(9, ROWS[0].measurements)) is True


def test_a_folder_that_is_not_there_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_FIXTURES_DIR", str(tmp_path / "typo"))
    with pytest.raises(EvidenceError, match=r"no folder of populations at .*typo") as caught:
        Archive()
    assert "REPRO_FIXTURES_DIR" in caught.value.do


def test_sums_that_cannot_be_read_are_an_error(shipped):
    (shipped.parents[1] / "SHA256SUMS").write_bytes(b"\xff")
    with pytest.raises(EvidenceError, match="SHA256SUMS: cannot be read"):
        Archive(shipped.parents[1])

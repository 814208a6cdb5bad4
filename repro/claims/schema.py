"""Check the shape of a claims.toml by its published schema, ``claims.schema.json``."""

from __future__ import annotations

import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from repro.errors import ClaimsError

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def shown(value: object) -> str:
    """Return a short text of a value, whatever it is, for an error."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "a number too long to print"
    return text if len(text) <= 80 else f"{text[:79]}…"


def wrong(where: str, found: str, expected: str) -> ClaimsError:
    """Return the error of a record that is wrong; ``where`` names it."""
    return ClaimsError(f"{where}: {found}", expected=expected, do="correct claims.toml")


def check_shape(document: dict[str, Any], name: str) -> None:
    """Raise ClaimsError unless a document, of the file ``name``, is as the schema says."""
    from jsonschema.exceptions import best_match

    try:
        error = best_match(_validator().iter_errors(document))
    except ValueError as long:  # jsonschema has to print what it refuses
        raise wrong(name, "a number too long to print", "numbers of a few digits") from long
    if error is None:
        return
    path = list(error.absolute_path)
    where, found, expected = _place(document, name, path), "", error.schema.get("description", "")
    if error.validator == "required":
        key = next(key for key in error.validator_value if key not in error.instance)
        described = error.schema["properties"][key].get("$ref", "").rpartition("/")[2]
        hint = _validator().schema["$defs"].get(described, {}).get("description", "…")
        found, expected = f"no key {key!r}", hint if hint.startswith(key) else f"{key} = {hint}"
    elif error.validator == "additionalProperties":
        unknown = [key for key in error.instance if key not in error.schema["properties"]]
        found = f"unknown key {', '.join(map(repr, unknown))}"
        expected = f"only {', '.join(error.schema['properties'])}"
    else:
        key = path[-1] if path else name
        found = f"{key} = {shown(error.instance)}"
        said = error.validator_value
        expected = expected or (
            " or ".join(map(str, said)) if isinstance(said, list) else f"{error.validator} {said}"
        )
    raise wrong(where, found, expected)


def _place(document: dict[str, Any], name: str, path: list[str | int]) -> str:
    """Name the record at a path: a claim by its id."""
    if len(path) < 2 or path[0] != "claim":
        return ", ".join([name, *map(str, path[:2])])
    record = document["claim"][path[1]]
    id_ = record.get("id", "?") if isinstance(record, dict) else "?"
    return ", ".join([f"claim {shown(id_)} in {name}", *map(str, path[2:-1])])


@cache
def _validator() -> Any:
    """Return the validator of the schema, for which NaN and 1.0 are no number and no integer."""
    from jsonschema import Draft202012Validator, validators

    schema = json.loads((Path(__file__).parent / "claims.schema.json").read_text("utf-8"))
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda _, value: _is_finite(value),
            "integer": lambda _, value: isinstance(value, int) and _is_finite(value),
        }
    )
    return validators.extend(Draft202012Validator, type_checker=types)(schema)


def _is_finite(value: Any) -> bool:
    try:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)
    except OverflowError:  # an integer beyond any float
        return False

"""What no call takes, whatever its body is: half a surrogate pair in a text, and a parameter that it does not have."""

import re
from collections.abc import Iterator
from typing import Any

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

from app.api.limits import IMPORT_PATH

# Half a pair comes as an escape, or as bytes that are no UTF-8 and are read all the same. Whole pairs look alike here.
_MAY_HOLD_HALVES = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]")
_HALF = re.compile("[\ud800-\udfff]")


async def only_text(request: Request) -> None:
    """Refuse a body in which a text, or a name, holds half a surrogate pair: it cannot be stored, tokenized or sent.

    Raises RequestValidationError with the places. Bodies are parsed once: the framework has done it, and keeps it.
    """
    if request.scope["path"] == IMPORT_PATH:  # its lines are checked one by one
        return
    if not _MAY_HOLD_HALVES.search(await request.body()) or "json" not in request.headers.get("content-type", ""):
        return
    found = [
        {"type": "value_error", "loc": place, "msg": "half a surrogate pair is no text", "input": text}
        for place, text in _texts(await request.json(), ("body",))
        if _HALF.search(text)
    ]
    if found:
        raise RequestValidationError(found)


async def only_known_parameters(request: Request) -> None:
    """Refuse a parameter in the address that the call does not have: a misspelt filter would filter nothing.

    Raises RequestValidationError with their names.
    """
    if not request.query_params:
        return
    unknown = request.query_params.keys() - _parameters(request.scope["route"].dependant)
    if unknown:
        said = {"type": "value_error", "msg": "there is no such parameter"}
        raise RequestValidationError(
            [{**said, "loc": ("query", name), "input": request.query_params[name]} for name in sorted(unknown)]
        )


def _parameters(dependant: Dependant) -> set[str]:
    """The names that a call takes in its address."""
    return {field.alias for field in dependant.query_params}.union(*map(_parameters, dependant.dependencies))


def _texts(whole: Any, where: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Every text in a JSON value with its place; a name stands at the place of its object."""
    left = [(where, whole)]  # a list and no recursion: JSON may be nested as deep as the stack
    while left:
        place, value = left.pop()
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, list):
            left += [((*place, index), each) for index, each in enumerate(value)]
        elif isinstance(value, dict):
            left += [(place, name) for name in value]
            left += [((*place, name), each) for name, each in value.items() if not _HALF.search(name)]

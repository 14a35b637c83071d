"""Every call does what the OpenAPI document says, whatever it is sent: schemathesis looks for one that does not.

One check is left out, that valid data are taken: a schema cannot say that two fields exclude each other, how many
tokens a text has, or which version there is. Such calls are refused with 422 (400 where OpenAI has it).
"""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.settings import Settings
from tests.api.running import Running

SECONDS = 30
# A key that is deleted could be the test's own, and nobody learns here, so jobs that are followed do not end.
LAST = ("/v1/admin/keys/{key_id}",)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 2}


@schemathesis.serializer("application/x-ndjson")
def lines(context: Any, value: Any) -> bytes:
    """What a file is made of."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_tokens": 8, "requests_per_minute": 1_000_000})


@pytest.fixture
def session(key_of: dict[str, str]) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key_of['admin']}"
        yield session


def test_every_call_keeps_to_the_document(service: Running, session: requests.Session):
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 30
    # Streams come first, while there is no job; what is read next; what changes something behind it.
    operations.sort(key=lambda one: (one.path in LAST, not one.path.endswith("/events"), one.method != "get"))
    for operation in operations:
        takes = operation.definition.raw.keys() & {"parameters", "requestBody"}
        for mode, count in EXAMPLES.items():
            if mode is GenerationMode.NEGATIVE and not takes:  # there is nothing that could be wrong
                continue
            strategy = operation.as_strategy(generation_mode=mode)

            @examples(max_examples=count, database=None, suppress_health_check=list(HealthCheck))
            @given(case=strategy)
            def keeps_to_it(case: schemathesis.Case) -> None:
                case.call_and_validate(session=session, checks=CHECKS, timeout=SECONDS)

            keeps_to_it()

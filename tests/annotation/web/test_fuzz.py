"""Whatever is asked in the shape of the interface, or out of it: an answer that the interface promises, never a crash."""

import pytest
from hypothesis import HealthCheck, given, settings

from poolwise.annotation.web.app import application
from poolwise.annotation.web.people import People, hash_of

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytestmark = pytest.mark.slow

PEOPLE = People({"ann": hash_of("token")})


def promised():
    """Statuses, kinds and shapes of answers are those of the interface."""
    found = schemathesis.checks
    found.load_all_checks()
    return [
        found.not_a_server_error, found.status_code_conformance, found.content_type_conformance,
        found.response_schema_conformance,
    ]  # fmt: skip


@pytest.fixture
def interface(site):
    """The interface of a server of 6 pictures, asked by somebody who is logged in."""
    app = application(site, PEOPLE)
    headers = {"cookie": f"poolwise_{site.data}={PEOPLE.session('ann')}", "x-poolwise-csrf": PEOPLE.csrf("ann")}
    return schemathesis.openapi.from_asgi("/openapi.json", app, headers=headers), headers


MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


@pytest.mark.parametrize("mode", MODES, ids=["in shape", "out of shape"])
def test_every_question_gets_an_answer_that_was_promised(interface, store, mode):
    schema, headers = interface
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == 6
    negative = mode is schemathesis.GenerationMode.NEGATIVE
    for operation in operations:
        if negative and operation.path == "/api/figures":
            continue  # it takes nothing that could be wrong

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
        def asked(case):
            response = case.call(headers=headers)
            assert response.status_code < 500
            case.validate_response(response, headers=headers, checks=promised())

        asked()
    assert {vote.person for vote in store.all()} <= {"ann"}

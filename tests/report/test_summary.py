import json
import math
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from poolwise.report.summary import SCHEMA, as_json, as_text, summary

KINDS = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def complaints(value, schema, where="$"):
    """What a value has against a JSON Schema, for the few words that ours uses."""
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(isinstance(value, KINDS[kind]) for kind in kinds):
        return [f"{where} is {value!r}, not {kinds}"]
    found = [f"{where} is {value!r}" for word, right in _rules(value) if word in schema and not right(schema[word])]
    if isinstance(value, dict):
        found += [f"{where}.{key} is missing" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            found += complaints(item, inner, f"{where}.{key}")
    if isinstance(value, list):
        found += [
            line
            for at, item in enumerate(value)
            for line in complaints(item, schema.get("items", {}), f"{where}[{at}]")
        ]
    return found


def _rules(value):
    yield "const", lambda const: value == const
    yield "enum", lambda members: value in members
    if isinstance(value, int):
        yield "minimum", lambda low: value >= low
    if isinstance(value, list):
        yield "minItems", lambda few: len(value) >= few


@pytest.fixture(scope="module")
def schema():
    return json.loads((files("poolwise.report") / "summary.schema.json").read_text())


def test_a_pair_of_runs_fits_the_schema(make_pair, schema):
    content = json.loads(as_text(summary(make_pair([0.5, 0.7, 0.9], [0.5, 0.6, 0.7]), {"poolwise": "0.1.0"})))
    assert complaints(content, schema) == []
    assert (content["schema"], content["comparison"]["ratio"], content["held_out"]) == (SCHEMA, 1.5, 300)
    assert [run["role"] for run in content["runs"]] == ["active", "control"]
    assert content["runs"][0]["rounds"][1]["ids"] == [10, 11, 12, 13]


def test_runs_without_rounds_metrics_or_control_fit_the_schema(make_run, make_round, schema):
    bare = replace(
        make_round(0, 10, 0.5), metrics={}, per_class={}, confusion=None, labels=(("a", "b"), (), None, ("a",))
    )
    for run in (make_run([], status="running", stop_reason=""), make_run([], rounds=(bare,)), make_run([0.5])):
        assert complaints(json.loads(as_text(summary([run], {}))), schema) == []


def test_regret_and_what_the_batch_was_beside_random_are_there(make_run, make_round, schema):
    measure = {"value": 0.9, "random": 0.5, "low": 0.4, "high": 0.6, "percentile": 1.0, "better": "higher"}
    last = replace(make_round(1, 20, 0.6), pool={"kappa": 0.8}, beside_random={"class_balance": measure})
    run = replace(
        make_run([], rounds=(make_round(0, 10, 0.5), last)), regret={"regret": 0.01, "low": -0.02, "high": 0.04}
    )
    content = json.loads(as_text(summary([run], {})))
    assert complaints(content, schema) == []
    found = content["runs"][0]
    assert found["regret"]["high"] == 0.04
    assert [each["pool"] for each in found["rounds"]] == [{}, {"kappa": 0.8}]
    assert found["rounds"][1]["beside_random"] == {"class_balance": measure}


def test_the_check_itself_finds_what_is_wrong(make_run, schema):
    content = summary([make_run([0.5])], {})
    content["runs"][0]["rounds"][0]["labelled"] = -1
    del content["metric"]
    assert len(complaints(content, schema)) == 2


def test_nan_becomes_null_at_any_depth(make_run, make_round):
    lost = replace(make_round(0, 10, 0.5), metrics={"accuracy": math.nan}, fit={"loss": math.inf})
    content = summary([make_run([], rounds=(lost,))], {})
    assert content["runs"][0]["rounds"][0]["metrics"]["accuracy"] is None
    assert "NaN" not in as_text(content)
    assert "Infinity" not in as_text(content)


def test_numbers_of_numpy_become_plain():
    assert as_json({"a": np.int64(3), "b": np.array([0.5, np.nan]), "c": np.float32(0.5)}) == {
        "a": 3,
        "b": [0.5, None],
        "c": 0.5,
    }


def test_passwords_do_not_reach_the_file(make_run):
    config = {"seed": 0, "ledger": {"url": "postgresql://me:hunter2@host/db"}, "hub": {"api_key": "hunter2"}}
    run = make_run([0.5], config=config, command="poolwise loop ledger.url=postgresql://me:hunter2@host/db")
    assert "hunter2" not in as_text(summary([run], {}))

"""What is said of a run, before any MLflow."""

import json
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from poolwise.core.types import RoundRecord
from poolwise.report.tracking import facts
from poolwise.report.tracking.cursor import Cursor, SentRound, read_cursor
from poolwise.report.tracking.quiet import environment, reachable
from poolwise.report.tracking.redaction import is_secret_key, redact, without_secrets


@settings(deadline=None)  # the first example imports MLflow
@given(st.text(max_size=400))
def test_every_name_is_one_that_mlflow_takes(text):
    from mlflow.utils.validation import _validate_metric_name

    name = facts.name_of(text)
    _validate_metric_name(name)
    assert len(name) <= facts.NAME_LIMIT


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_names_never_become_one(one, two):
    assert (facts.name_of(one) == facts.name_of(two)) == (one == two)


@given(st.text(max_size=120), st.integers(40, 100))
def test_a_cut_text_fits_and_begins_alike(text, limit):
    short = facts.cut(text, limit)
    assert len(short) <= limit
    assert short[:10] == text[:10]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text("xyz", min_size=1, max_size=3), json_like, max_size=4))
def test_every_leaf_of_the_configuration_is_a_parameter(config):
    assert len(facts.parameters(config)) >= len(config)
    assert all(isinstance(value, str) for value in facts.parameters(config).values())


def test_one_changed_label_changes_the_digest(make_run):
    from dataclasses import replace

    round_ = make_run(rounds=1).rounds[0]
    changed = replace(round_, labels=("cat", "fox", None))
    assert facts.batch_digest(round_) != facts.batch_digest(changed)


@pytest.mark.parametrize(
    "key", ["password", "DB_PASSWORD", "api_key", "apiKey", "s3.secret", "access-key", "auth_token", "token"]
)
def test_names_of_secrets_are_known(key):
    assert is_secret_key(key)
    assert without_secrets({"a": [{key: "x"}]}) == {"a": [{}]}


@pytest.mark.parametrize("key", ["tokenizer", "author", "path", "keys", "pattern", "monkey", "query_size"])
def test_other_names_are_left_alone(key):
    assert not is_secret_key(key)


@given(st.from_regex(r"[a-zA-Z0-9!$%:@]{4,20}", fullmatch=True))
def test_a_login_never_stays_in_an_address(login):
    assert redact(f"see http://{login}@host:80/x now") == "see http://***@host:80/x now"


def test_an_address_without_a_login_stays():
    text = "http://host:80/a@b?seed=1 ada@example.com sqlite:///a.db"
    assert redact(text) == text


def test_tables_hold_multi_label_answers_as_text(make_run):
    from dataclasses import replace

    round_ = replace(make_run(rounds=1).rounds[0], labels=(("cat", "dog"), (), None))
    assert facts.batch_table(round_)["label"] == ["cat, dog", "", None]
    assert json.loads(facts.table_json({"a": [1], "b": [None]})) == {"columns": ["a", "b"], "data": [[1, None]]}


def test_the_cursor_is_read_as_it_was_written(tmp_path):
    cursor = Cursor("store", opening="run", rounds={"0": SentRound("id", 5, "x")}, files={"a": "b"})
    cursor.write(tmp_path)
    assert read_cursor(tmp_path, "store") == cursor
    assert read_cursor(tmp_path, "other").run_id == ""


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2}', '{"version": 1, "store": "s", "rounds": {"0": 3}}'])
def test_a_cursor_that_cannot_be_read_starts_anew(tmp_path, text):
    (tmp_path / "tracking.json").write_text(text)
    assert read_cursor(tmp_path, "s").rounds == {}


def test_the_environment_is_put_back(monkeypatch):
    import os

    monkeypatch.setenv("POOLWISE_A", "1")
    with environment({"POOLWISE_A": "2", "POOLWISE_B": "3"}):
        assert (os.environ["POOLWISE_A"], os.environ["POOLWISE_B"]) == ("2", "3")
    assert os.environ["POOLWISE_A"] == "1"
    assert "POOLWISE_B" not in os.environ


def test_nobody_listens_at_a_closed_port():
    assert not reachable("http://127.0.0.1:9", 1)
    assert not reachable("postgresql+psycopg://a:b@127.0.0.1:9/x", 1)
    assert reachable("sqlite:////tmp/x.db", 1)


def test_a_batch_beside_random_draws_is_told_with_its_range():
    measure = {"value": 0.9, "random": 0.5, "low": 0.4, "high": 0.6, "percentile": 1.0, "better": "higher"}
    empty = RoundRecord(0, 0, 0, (), (), {}, {}, None, {}, {}, "")
    round_ = replace(empty, beside_random={"clusters_reached": measure}, pool={"kappa": 0.98})
    told = facts.round_metrics(round_)
    assert {name: told[f"batch/clusters_reached{name}"] for name in ("", "_random", "_low", "_high")} == {
        "": 0.9, "_random": 0.5, "_low": 0.4, "_high": 0.6,
    }  # fmt: skip
    assert told["pool/kappa"] == 0.98

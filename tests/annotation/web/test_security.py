"""Who is let in, and what is refused."""

import base64
import zlib
from unittest.mock import patch

import pytest

from poolwise.annotation.web.middleware import MOST_BODY, LoginLimiter
from poolwise.annotation.web.people import People, hash_of


@pytest.fixture
def people():
    return People({"ann": hash_of("right")})


@pytest.fixture
def http(site, people):
    from starlette.testclient import TestClient

    from poolwise.annotation.web.app import application

    return TestClient(application(site, people), base_url="http://127.0.0.1:8765", follow_redirects=False)


def test_without_a_token_nothing_is_shown(http, site):
    assert http.get("/").headers["location"] == "/login"
    for path in ("/api/figures", f"/picture/{site.data}/160/0", "/openapi.json"):
        assert http.get(path).status_code == 401
    assert http.post("/api/take", json={"tab": "tab-00001"}).status_code == 401


def test_a_token_gives_a_session_that_scripts_cannot_read(http):
    answer = http.post("/login", data={"token": "right"})
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert http.get("/").status_code == 200
    http.post("/logout")
    assert http.get("/").status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "eyJwZXJzb24iOiJhbm4ifQ", "a.b.c", "é"])
def test_a_forged_session_is_none(people, cookie):
    assert people.by_session(cookie) is None
    assert People({"ann": hash_of("renewed")}).by_session(people.session("ann")) is None


def test_a_forged_session_is_not_unpacked_beyond_measure(people):
    packed = base64.urlsafe_b64encode(zlib.compress(b'"' + b"a" * (5 << 20) + b'"')).decode().rstrip("=")
    with patch("zlib.decompress", side_effect=AssertionError("unpacked before its signature was looked at")):
        assert people.by_session(f".{packed}.time.signature") is None


@pytest.mark.parametrize("name", ["\N{FACE WITH TEARS OF JOY}" * 60, "a" * 60])
def test_the_longest_names_have_sessions(name):
    people = People({name: hash_of("right")})
    assert people.by_session(people.session(name)) == name


@pytest.mark.parametrize("body", [b"a=1&b=2&c=3&d=4&e=5&f=6&token=right", b"token=%ff%fe", b"token=\xed\xa0\x80", b""])
def test_a_strange_form_is_a_wrong_login(http, body):
    assert http.post("/login", content=body).status_code == 403


def test_a_change_needs_the_page_that_asks_for_it(http, people):
    http.post("/login", data={"token": "right"})
    take = {"tab": "tab-00001"}
    assert http.post("/api/take", json=take).status_code == 403
    right = {"x-poolwise-csrf": people.csrf("ann")}
    assert http.post("/api/take", json=take, headers=right).status_code == 200
    for other in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert http.post("/api/take", json=take, headers={**right, **other}).status_code == 403
        assert http.post("/login", data={"token": "right"}, headers=other).status_code == 403


def test_wrong_tokens_are_refused_and_soon_not_even_looked_at(http):
    assert [http.post("/login", data={"token": f"{at}"}).status_code for at in range(10)] == [403] * 10
    assert http.post("/login", data={"token": "right"}).status_code == 429


def test_failed_logins_are_forgotten_after_a_minute():
    now = [0.0]
    attempts = LoginLimiter(2, 3, clock=lambda: now[0])
    attempts.failed("a"), attempts.failed("a")
    assert not attempts.allowed("a")
    assert attempts.allowed("b")
    attempts.failed("b")
    assert not attempts.allowed("c"), "all addresses together"
    now[0] = 61
    assert attempts.allowed("a")


def test_a_name_that_was_pointed_at_this_machine_is_not_answered(site):
    from starlette.testclient import TestClient

    from poolwise.annotation.web.app import application

    http = TestClient(application(site, People({}), {"127.0.0.1", "localhost"}), base_url="http://evil.example")
    assert http.get("/").status_code == 400
    assert http.get("/", headers={"host": "localhost:8765"}).status_code == 200
    assert http.get("/", headers={"host": "[::1"}).status_code == 400


def test_every_answer_has_a_strict_policy(http):
    for path in ("/", "/login", "/static/page.css", "/nowhere", "/api/figures"):
        policy = http.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_what_is_too_large_is_not_read(ann):
    assert ann.http.post("/api/take", content=b"x" * (MOST_BODY + 1), headers=ann.csrf).status_code == 413


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off(ann):
    for path in ("/login", "/api/take"):
        body = (b"x" * 65536 for _ in range(MOST_BODY // 65536 + 2))
        assert ann.http.post(path, content=body, headers=ann.csrf).status_code in (400, 413)


@pytest.mark.parametrize(
    "body",
    [
        {"tab": "x"}, {"tab": "tab-00001", "count": 10**9}, {"tab": "tab-00001", "path": "/etc/passwd"}, [], "x", None,
        {"tab": "tab/../../x"},
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused(ann, body):
    assert ann.post("/api/take", body).status_code == 422


@pytest.mark.parametrize(
    "body",
    [b'{"tab": "\\ud800aaaaaaa"}', b'{"tab": "tab-00001", "count": NaN}', b'{"tab": "tab-00001", "\\ud800": 1}', b"[" * 100_000],
)  # fmt: skip
def test_what_cannot_be_written_down_is_refused_too(ann, body):
    assert ann.http.post("/api/take", content=body, headers=ann.csrf).status_code in (400, 422)


def test_control_characters_of_a_note_are_dropped(ann, store):
    ann.answer(0, "a", note="a\x00b\nc<b>")
    assert store.all()[0].note == "ab\nc<b>"

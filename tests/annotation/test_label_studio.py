"""Label Studio: the same promises against a small stand-in, and, when asked for, against a real server."""

import json
import logging
from contextlib import suppress

import pytest
import requests

from annotation.label_studio_fake import LEGACY, PERSONAL, Fake
from annotation.label_studio_real import Real
from builders import Blobs
from poolwise.annotation.label_studio import LabelStudio
from poolwise.annotation.label_studio_server import TOKEN, Server
from poolwise.annotation.reading import read_answers
from poolwise.core.errors import AnnotationError, ConfigError, UnknownLabel
from poolwise.core.types import Ask, Batch, Task

CLASSES = ("cat", "dog", '"a" < b & c')


@pytest.fixture(
    scope="module", params=["fake", pytest.param("real", marks=[pytest.mark.label_studio, pytest.mark.timeout(1500)])]
)
def server(request, tmp_path_factory):
    found = Fake() if request.param == "fake" else Real(tmp_path_factory.mktemp("label_studio"))
    yield found
    found.close()


@pytest.fixture
def fake():
    found = Fake()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv(TOKEN, LEGACY)


class Person:
    """Somebody at the server, by its API."""

    def __init__(self, url, folder):
        self.url, self.folder = url, folder
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {LEGACY}"

    def project(self):
        return json.loads((self.folder / "label_studio.json").read_text())["project"]

    def tasks(self, round_=0):
        found = Server(self.url).tasks(self.project())
        return {task["meta"]["sample_id"]: task for task in found if task["meta"]["round"] == round_}

    def label(self, sample_id, *names, round_=0, **more):
        value = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": list(names)}}
        body = {"result": [value] if names else [], "lead_time": 1.5, **more}
        task = self.tasks(round_)[sample_id]["id"]
        reply = self.session.post(f"{self.url}/api/tasks/{task}/annotations/", json=body, timeout=60)
        assert reply.status_code == 201, reply.text
        return reply.json()["id"]

    def change(self, annotation, *names):
        value = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": list(names)}}
        reply = self.session.patch(f"{self.url}/api/annotations/{annotation}/", json={"result": [value]}, timeout=60)
        assert reply.status_code == 200, reply.text


def batch(folder, round_=0, ids=(3, 8, 5), task=Task.MULTICLASS):
    folder.mkdir(exist_ok=True)
    suggestion = "dog" if task is Task.MULTICLASS else ("dog",)
    return Batch(round_, tuple(Ask(at, f"p/{at}", suggestion, 0.5, 0.25, "far") for at in ids), CLASSES, task, folder)


def answers(annotator, asked):
    return {answer.sample_id: answer.label for answer in annotator.collect(asked)}


def test_a_round_goes_out_and_comes_back_bit_by_bit(server, tmp_path):
    annotator, asked, person = (
        LabelStudio(url=server.url),
        batch(tmp_path / "a-run"),
        Person(server.url, tmp_path / "a-run"),
    )
    assert annotator.collect(asked) == []
    message = annotator.emit(asked, Blobs())
    assert f"/projects/{person.project()}/" in message
    assert sorted(person.tasks()) == [3, 5, 8]
    assert annotator.collect(asked) == []
    first = person.label(3, "cat")
    assert answers(annotator, asked) == answers(annotator, asked) == {3: "cat"}
    person.label(8, was_cancelled=True)
    person.label(5, CLASSES[2])
    person.change(first, "dog")
    assert answers(annotator, asked) == {3: "dog", 8: None, 5: CLASSES[2]}
    assert {answer.annotator for answer in annotator.collect(asked)} == {"admin@example.com"}


def test_emitting_again_and_later_rounds_double_nothing(server, tmp_path):
    annotator, person = LabelStudio(url=server.url), Person(server.url, tmp_path / "a-run")
    for _ in range(2):
        annotator.emit(batch(tmp_path / "a-run", 0), Blobs())
    for at in (3, 8, 5):
        person.label(at, "dog")
    for _ in range(2):
        annotator.emit(batch(tmp_path / "a-run", 1), Blobs())
    assert len(Server(server.url).tasks(person.project())) == 6
    person.label(3, "cat", round_=1)
    assert answers(annotator, batch(tmp_path / "a-run", 1)) == {3: "cat"}
    assert answers(annotator, batch(tmp_path / "a-run", 0)) == {3: "dog", 8: "dog", 5: "dog"}


def test_tasks_that_were_left_over_are_taken_back_with_the_next_round(server, tmp_path):
    annotator, person = LabelStudio(url=server.url, partial="train"), Person(server.url, tmp_path / "j-run")
    annotator.emit(batch(tmp_path / "j-run", 0), Blobs())
    person.label(3, "dog")
    annotator.emit(batch(tmp_path / "j-run", 1, ids=(8, 9)), Blobs())
    assert (sorted(person.tasks(0)), sorted(person.tasks(1))) == ([3], [8, 9])


def test_several_labels_and_none(server, tmp_path):
    annotator, person = LabelStudio(url=server.url), Person(server.url, tmp_path / "b-run")
    asked = batch(tmp_path / "b-run", task=Task.MULTILABEL)
    annotator.emit(asked, Blobs())
    person.label(3, CLASSES[2], "cat")
    person.label(8)
    assert answers(annotator, asked) == {3: ("cat", CLASSES[2]), 8: ()}


@pytest.mark.parametrize("kind", ["JSON", "JSON_MIN"])
def test_an_export_of_the_project_is_a_file_of_answers(server, tmp_path, kind):
    asked, person = batch(tmp_path / "k-run"), Person(server.url, tmp_path / "k-run")
    LabelStudio(url=server.url).emit(asked, Blobs())
    person.label(3, "cat")
    person.label(8, CLASSES[2])
    address = f"{server.url}/api/projects/{person.project()}/export"
    (tmp_path / "export.json").write_bytes(person.session.get(address, params={"exportType": kind}, timeout=60).content)
    found = {answer.sample_id: answer.label for answer in read_answers(tmp_path / "export.json", asked)}
    assert found == {3: "cat", 8: CLASSES[2]}


def test_suggestions_are_shown_and_never_taken(server, tmp_path):
    asked, person = batch(tmp_path / "c-run"), Person(server.url, tmp_path / "c-run")
    LabelStudio(url=server.url).emit(asked, Blobs())
    assert Server(server.url).project(person.project())["model_version"] == "round 0"
    assert answers(LabelStudio(url=server.url), asked) == {}


def test_a_run_killed_before_it_knew_its_project_finds_it_again(server, tmp_path):
    annotator, asked, person = (
        LabelStudio(url=server.url),
        batch(tmp_path / "d-run"),
        Person(server.url, tmp_path / "d-run"),
    )
    annotator.emit(asked, Blobs())
    project, file = person.project(), tmp_path / "d-run/label_studio.json"
    file.write_text(json.dumps({"key": json.loads(file.read_text())["key"]}))
    annotator.emit(asked, Blobs())
    assert person.project() == project
    assert len(Server(server.url).tasks(project)) == 3


def test_two_runs_of_one_name_have_projects_of_their_own(server, tmp_path):
    projects = set()
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        LabelStudio(url=server.url).emit(batch(folder / "same"), Blobs())
        projects.add(Person(server.url, folder / "same").project())
    assert len(projects) == 2


def test_a_task_that_was_made_twice_is_one_again_and_keeps_its_answer(server, tmp_path):
    annotator, asked, person = (
        LabelStudio(url=server.url),
        batch(tmp_path / "e-run"),
        Person(server.url, tmp_path / "e-run"),
    )
    annotator.emit(asked, Blobs())
    connection = Server(server.url)
    connection.add(person.project(), [annotator._task(ask, asked, Blobs()) for ask in asked.asks])
    late = max(task["id"] for task in connection.tasks(person.project()) if task["meta"]["sample_id"] == 3)
    body = {"result": [{"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["cat"]}}]}
    person.session.post(f"{server.url}/api/tasks/{late}/annotations/", json=body, timeout=60)
    assert answers(annotator, asked) == {3: "cat"}
    annotator.emit(asked, Blobs())
    assert len(connection.tasks(person.project())) == 3
    assert answers(annotator, asked) == {3: "cat"}


def test_a_personal_access_token_works_too(server, tmp_path, monkeypatch):
    asked = batch(tmp_path / "f-run")
    token = PERSONAL
    if isinstance(server, Real):
        header = {"Authorization": f"Token {LEGACY}"}
        token = requests.post(f"{server.url}/api/token/", headers=header, json={}, timeout=60).json()["token"]
    monkeypatch.setenv(TOKEN, token)
    LabelStudio(url=server.url).emit(asked, Blobs())
    assert answers(LabelStudio(url=server.url), asked) == {}


def test_a_class_that_was_added_on_the_server_is_refused_in_words(server, tmp_path):
    annotator, asked, person = (
        LabelStudio(url=server.url),
        batch(tmp_path / "g-run"),
        Person(server.url, tmp_path / "g-run"),
    )
    annotator.emit(asked, Blobs())
    config = Server(server.url).project(person.project())["label_config"]
    Server(server.url).change_project(
        person.project(),
        label_config=config.replace('<Choice value="cat" />', '<Choice value="cat" /><Choice value="cow" />'),
    )
    person.label(3, "cow")
    with pytest.raises(UnknownLabel, match="task .*'cow' is not a class"):
        annotator.collect(asked)


def test_a_project_that_is_gone_or_another_one_is_not_written_to(server, tmp_path):
    annotator, asked, person = (
        LabelStudio(url=server.url),
        batch(tmp_path / "h-run"),
        Person(server.url, tmp_path / "h-run"),
    )
    annotator.emit(asked, Blobs())
    Server(server.url).change_project(person.project(), description="mine")
    for call in (lambda: annotator.emit(asked, Blobs()), lambda: annotator.collect(asked)):
        with pytest.raises(AnnotationError, match="no longer, that of this run"):
            call()


def test_many_tasks_come_in_pages_without_their_pictures(server, tmp_path, monkeypatch):
    monkeypatch.setattr("poolwise.annotation.label_studio_server.PAGE", 7)
    asked, person = batch(tmp_path / "i-run", ids=tuple(range(60))), Person(server.url, tmp_path / "i-run")
    LabelStudio(url=server.url).emit(asked, Blobs())
    found = Server(server.url).tasks(person.project())
    assert sorted(task["meta"]["sample_id"] for task in found) == list(range(60))
    assert all("data" not in task for task in found)
    person.label(33, "cat")
    assert answers(LabelStudio(url=server.url), asked) == {33: "cat"}


@pytest.mark.parametrize("worked", [True, False])
@pytest.mark.parametrize("at", range(12))
def test_wherever_a_reply_is_lost_nothing_is_doubled_and_no_answer_lost(fake, tmp_path, at, worked, monkeypatch):
    monkeypatch.setattr("poolwise.annotation.label_studio.CHUNK", 2)
    annotator, asked, person = LabelStudio(url=fake.url), batch(tmp_path), Person(fake.url, tmp_path)

    def work():
        annotator.emit(asked, Blobs())
        if not fake.tasks[min(fake.tasks)]["annotations"]:
            fake.annotate(person.tasks()[3]["id"], {"result": [{"value": {"choices": ["cat"]}}]})
        return answers(annotator, asked)

    fake.lost, fake.worked = at, worked
    with suppress(AnnotationError):  # some replies can be done without
        work()
    fake.lost = None
    assert work() == {3: "cat"}
    assert (len(fake.projects), len(fake.tasks)) == (1, 3)


def test_of_several_people_most_decide_and_all_must_have_answered(fake, tmp_path):
    fake.people = {1: "ann@example.com", 2: "bob@example.com", 3: "cy@example.com"}
    annotator, asked, person = LabelStudio(url=fake.url, redundancy=3), batch(tmp_path), Person(fake.url, tmp_path)
    annotator.emit(asked, Blobs())
    assert fake.projects[1]["maximum_annotations"] == 3
    for at, (name, who) in enumerate((("cat", 1), ("dog", 2), ("cat", 3))):
        assert len(annotator.collect(asked)) == 0, at
        person.label(3, name, completed_by=who)
    assert [(a.label, a.annotator) for a in annotator.collect(asked)] == [("cat", "cy@example.com")]


def test_the_token_is_in_no_message_no_log_and_no_file(fake, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "fedcba9876543210fedcba9876543210fedcba98"
    monkeypatch.setenv(TOKEN, secret)
    with pytest.raises(AnnotationError, match=f"refuses the token in {TOKEN}") as caught:
        LabelStudio(url=fake.url).emit(batch(tmp_path), Blobs())
    shown = [
        str(caught.value),
        repr(caught.value.__context__),
        repr(caught.value.__cause__),
        caplog.text,
        repr(Server(fake.url)),
    ]
    files = [file.read_text() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(secret in text for text in [*shown, *files])
    monkeypatch.setenv(TOKEN, f"{secret}\nX-Evil: 1")
    with pytest.raises(ConfigError, match="holds no token") as caught:
        Server(fake.url)
    assert secret not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://x", "localhost:8080", "http://", "http://ann:pw@x", "http://x/?token=abc"])
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url):
    with pytest.raises(ConfigError, match=r"annotation\.url") as caught:
        Server(url)
    assert "pw" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_a_server_that_is_away_or_none_of_its_kind_is_named(tmp_path, fake, monkeypatch):
    with pytest.raises(AnnotationError, match="cannot be reached"):
        LabelStudio(url="http://127.0.0.1:9").emit(batch(tmp_path), Blobs())
    monkeypatch.setattr(fake, "answer", lambda *_: (302, None))
    with pytest.raises(AnnotationError, match="with 302"):
        LabelStudio(url=fake.url).emit(batch(tmp_path), Blobs())
    monkeypatch.setattr(fake, "answer", lambda *_: (200, ["a page"]))
    with pytest.raises(AnnotationError, match="is it a Label Studio server"):
        LabelStudio(url=fake.url).emit(batch(tmp_path), Blobs())


def test_pictures_that_the_server_finds_itself_are_not_embedded(fake, tmp_path):
    class Photo(Blobs):
        def file(self, sample_id):
            return tmp_path / "a b.jpg"

    LabelStudio(url=fake.url, picture_url="/data/local-files/?d=pool/").emit(batch(tmp_path / "run"), Photo())
    assert {task["data"]["image"] for task in fake.tasks.values()} == {
        f"/data/local-files/?d=pool/p/{at}" for at in (3, 8, 5)
    }


def test_a_damaged_note_of_the_project_is_named(fake, tmp_path):
    (tmp_path / "label_studio.json").write_text("{")
    with pytest.raises(AnnotationError, match="is damaged"):
        LabelStudio(url=fake.url).emit(batch(tmp_path), Blobs())


@pytest.mark.parametrize("content", [b"{}", b"[]", b'{"access_token": "x"}'])
def test_a_server_of_another_kind_is_told_in_words(monkeypatch, content):
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", "eyJhbGciOiJIUzI1NiJ9.refresh.signature")
    monkeypatch.setattr(Server, "_send", lambda *_: (200, content))
    with pytest.raises(AnnotationError, match="is it a Label Studio server") as told:
        Server("http://127.0.0.1:1").project(1)
    assert "refresh.signature" not in str(told.value)

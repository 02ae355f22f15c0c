"""Batches as tasks on a Label Studio server; annotations come back as often as asked."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

from annotated_types import Ge

from poolwise.annotation.answers import answers_from
from poolwise.annotation.label_studio_files import interface, task_of
from poolwise.annotation.label_studio_server import Gone, Server
from poolwise.annotation.pictures import data_uri
from poolwise.core.errors import AnnotationError
from poolwise.core.files import write_text
from poolwise.core.interfaces import Annotator, ImageSource
from poolwise.core.ranges import Checked, Count, OneOf
from poolwise.core.types import Answer, Ask, Batch
from poolwise.data.formats import label_studio
from poolwise.data.formats.record import Record

CHUNK = 50
"""Tasks in one request: with pictures embedded, some megabytes."""
TITLE = 50
"""Characters of a project's title that the server takes."""


@dataclass(frozen=True, kw_only=True)
class LabelStudio(Checked, Annotator):
    """One project for the run, one task for each sample of a round.

    A key in the run's folder (`label_studio.json`) and in the project's description says which project is the run's; round and
    sample id in each task's `meta` say which task is which. So everything may be repeated: what is there is not made again.
    The token comes from the environment variable LABEL_STUDIO_API_KEY.

    Attributes:
        url: of the server.
        partial: "wait" until every task is answered or skipped, or "train" with the answers there are.
        annotator: who answered, where the server does not say.
        redundancy: so many people must have answered or skipped a task before it counts.
        picture_url: where the server finds the pictures: this text with the path behind it; "" embeds them in the tasks.
        picture_side: of embedded pictures the longer side has at most so many pixels.
    """

    url: str = "http://localhost:8080"
    partial: Annotated[str, OneOf("wait", "train")] = "wait"
    annotator: str = ""
    redundancy: Count = 1
    picture_url: str = ""
    picture_side: Annotated[int, Ge(16)] = 1024

    simulated: ClassVar[bool] = False
    source: ClassVar[str] = "label_studio"

    def emit(self, batch: Batch, images: ImageSource) -> str:
        """Make the project and the tasks that are not there yet.

        Raises:
            ConfigError: the URL or the token cannot be used.
            AnnotationError: the server is away or refuses; run again.
        """
        server = Server(self.url)
        project = self._project(server, batch)
        tasks = server.tasks(project)
        _left_over_removed(server, tasks, batch)
        there = _doubled_removed(server, _of_round(tasks, batch))
        missing = [ask for ask in batch.asks if ask.sample_id not in there]
        for start in range(0, len(missing), CHUNK):
            server.add(project, [self._task(ask, batch, images) for ask in missing[start : start + CHUNK]])
        version = f"round {batch.round}"
        # the server shows only the predictions of the project's own model version
        if (
            any(ask.probability is not None for ask in batch.asks)
            and server.project(project).get("model_version") != version
        ):
            server.change_project(project, model_version=version)
        return (
            f"Label the tasks of round {batch.round} in {server.url}/projects/{project}/data, "
            "then run the same command again."
        )

    def collect(self, batch: Batch) -> Sequence[Answer]:
        """Return all answers of the round so far, one a sample; none if it never went out.

        Raises:
            AnnotationError: the server is away, or an annotation cannot be taken; none was.
        """
        kept = _kept(batch)
        if not kept.get("project"):
            return []
        server = Server(self.url)
        project = self._project(server, batch)
        people = server.people()
        tasks: dict[int, dict[str, Any]] = {}
        for task in _of_round(server.tasks(project, answered=True), batch):
            whole = tasks.setdefault(task["meta"]["sample_id"], {"id": task["id"], "annotations": []})
            whole["annotations"] += [
                {**each, "completed_by": _known(each.get("completed_by"), people)}
                for each in task.get("annotations") or []
            ]
        where = f"{server.url}/projects/{project}"
        records = []
        for sample_id, task in sorted(tasks.items()):
            place = f"{where}, task {task['id']}"
            names, who = label_studio.verdict(task["annotations"], place, least=self.redundancy)
            records.append(Record("", names, sample_id, who, where=place))
        return answers_from(records, batch, where, self.annotator or self.source)

    def _task(self, ask: Ask, batch: Batch, images: ImageSource) -> dict[str, Any]:
        file = images.file(ask.sample_id)
        if self.picture_url and file is not None:
            image = self.picture_url + quote(ask.path)
        else:
            image = data_uri(ask.sample_id, images, self.picture_side)
        return {**task_of(ask, batch, image), "meta": {"sample_id": ask.sample_id, "round": batch.round}}

    def _project(self, server: Server, batch: Batch) -> int:
        """Return the run's project, made if it is nowhere. The key is on the disk before the server gets it."""
        kept = _kept(batch)
        if not kept.get("key"):
            kept = {"key": secrets.token_hex(16)}
            _keep(batch, kept)
        mark = f"poolwise key {kept['key']}"
        if kept.get("project"):
            self._check(server, int(kept["project"]), mark, batch)
            return int(kept["project"])
        project = server.find_project(mark) or server.create_project(
            title=f"poolwise {batch.folder.name}"[:TITLE],
            description=f"Run {batch.folder.name}. Do not change this line: {mark}",
            label_config=interface(batch),
            maximum_annotations=self.redundancy,
            show_collab_predictions=True,
            sampling="Sequential sampling",  # best first, as they were chosen
            skip_queue="IGNORE_SKIPPED",
        )
        _keep(batch, {**kept, "project": project})
        return project

    def _check(self, server: Server, project: int, mark: str, batch: Batch) -> None:
        try:
            ours = mark in str(server.project(project).get("description"))
        except Gone:
            ours = False
        if not ours:
            raise AnnotationError(
                f"project {project} at {server.url} is not, or no longer, that of this run (its description does not hold "
                f"'{mark[:20]}...'). Say where the server is with annotation.url; if the project was deleted, delete "
                f"{_file(batch)}: a new one is made, with the tasks that are not answered."
            )


def _file(batch: Batch) -> Path:
    return batch.folder / "label_studio.json"


def _kept(batch: Batch) -> Mapping[str, Any]:
    file = _file(batch)
    if not file.exists():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {"key": str(found["key"]), "project": int(found.get("project") or 0)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnnotationError(
            f"{file} is damaged ({error}); restore it from a copy: it says which project is ours."
        ) from None


def _keep(batch: Batch, what: Mapping[str, Any]) -> None:
    write_text(_file(batch), json.dumps(what) + "\n")


def _of_round(tasks: Sequence[Mapping[str, Any]], batch: Batch) -> list[Mapping[str, Any]]:
    """Return the tasks of a round; tasks that others put into the project are theirs."""
    ids = set(batch.ids())
    found = []
    for task in tasks:
        meta = task.get("meta")
        if isinstance(meta, dict) and meta.get("round") == batch.round and isinstance(meta.get("sample_id"), int):
            found += [task] if meta["sample_id"] in ids else []
    return found


def _doubled_removed(server: Server, tasks: Sequence[Mapping[str, Any]]) -> set[int]:
    """Remove doubles and return the ids that have a task: a request cut off by a kill may have been carried out late."""
    first: dict[int, Mapping[str, Any]] = {}
    for task in sorted(tasks, key=lambda task: (not _worked_on(task), task["id"])):
        sample_id = task["meta"]["sample_id"]
        if sample_id in first and not _worked_on(task):
            server.remove(task["id"])
        first.setdefault(sample_id, task)
    return set(first)


def _left_over_removed(server: Server, tasks: Sequence[Mapping[str, Any]], batch: Batch) -> None:
    """Remove tasks that nobody answered before their round closed: back in the pool, work on them would be lost."""
    for task in tasks:
        meta = task.get("meta")
        ours = isinstance(meta, dict) and isinstance(meta.get("sample_id"), int) and isinstance(meta.get("round"), int)
        if ours and task["meta"]["round"] < batch.round and not _worked_on(task):
            server.remove(task["id"])


def _worked_on(task: Mapping[str, Any]) -> bool:
    return bool(task.get("annotations") or task.get("drafts"))


def _known(person: Any, people: Mapping[int, str]) -> Any:
    return people.get(person, person) if isinstance(person, int) else person

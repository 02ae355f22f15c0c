"""Label Studio: the labelling interface, tasks with predictions, and annotations as they are exported.

Layout: labelstud.io/guide, "Label Studio JSON format of annotated tasks"; measured against 1.23.2.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from poolwise.core.errors import FormatError
from poolwise.core.labels import Task
from poolwise.data.formats.cvat import writable
from poolwise.data.formats.jsonl import names_in
from poolwise.data.formats.parsing import as_id, as_text, parse_json
from poolwise.data.formats.record import Record

CONTROL, OBJECT = "label", "image"
"""Names of the choices and of the picture in the labelling interface."""


def interface(classes: Sequence[str], task: Task) -> str:
    """Return the labelling interface: the picture above one choice, or several, with hotkeys for the first ones.

    >>> print(interface(["cat", "a < b"], Task.MULTICLASS))
    <View>
      <Image name="image" value="$image" zoom="true" />
      <Choices name="label" toName="image" choice="single" required="true" showInline="true">
        <Choice value="cat" />
        <Choice value="a &lt; b" />
      </Choices>
    </View>

    Raises:
        FormatError: a class that XML cannot hold.
    """
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", {"name": OBJECT, "value": f"${OBJECT}", "zoom": "true"})
    several = task is Task.MULTILABEL
    # several: an empty choice is an answer too, none of the classes
    options = {"choice": "multiple" if several else "single", "required": "false" if several else "true"}
    choices = ElementTree.SubElement(
        view, "Choices", {"name": CONTROL, "toName": OBJECT, **options, "showInline": "true"}
    )
    for name in classes:
        ElementTree.SubElement(choices, "Choice", {"value": writable(name)})
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode")


def task_body(record: Record, image: str, *, model_version: str = "", **data: Any) -> dict[str, Any]:
    """Return a task to import: picture, what is known of it, the suggestion as a prediction, names as an annotation.

    Args:
        record: the picture.
        image: a URL or path that the server knows, or the picture itself as a data URI.
        model_version: under which the suggestion is shown.
        data: further values that come back with the answer.
    """
    known = {name: value for name, value in record.details.items() if name not in (OBJECT, CONTROL)}
    known |= {
        "sample_id": record.sample_id,
        "path": record.place,
        "split": record.split,
        "reason": record.reason,
        **data,
    }
    body: dict[str, Any] = {
        "data": {OBJECT: image, **{key: value for key, value in known.items() if value not in (None, "")}}
    }
    if record.suggested is not None:
        prediction: dict[str, Any] = {"result": _result(record.suggested), "model_version": model_version}
        if record.probability is not None:
            prediction["score"] = round(float(record.probability), 4)
        body["predictions"] = [prediction]
    if record.names is not None:
        body["annotations"] = [{"result": _result(record.names)}]
    return body


def _result(names: Sequence[str]) -> list[dict[str, Any]]:
    if not names:
        return []
    return [{"from_name": CONTROL, "to_name": OBJECT, "type": "choices", "value": {"choices": list(names)}}]


def write(tasks: Iterable[Mapping[str, Any]]) -> str:
    """Return tasks as a file to import."""
    return json.dumps(list(tasks), ensure_ascii=False, indent=1) + "\n"


def read(content: bytes, where: str) -> list[Record]:
    """Return the pictures of an export, JSON or JSON_MIN, or of a file to import.

    Raises:
        FormatError: it is no such file.
    """
    whole = parse_json(content, where)
    if not isinstance(whole, list):
        raise FormatError(f"{where} is no export of Label Studio: a list of tasks was expected.")
    return [task_record(task, f"{where}, task {at}") for at, task in enumerate(whole)]


def task_record(task: Any, where: str) -> Record:
    """Return the record of one task with its annotations; a skipped one is named "skip".

    Raises:
        FormatError: it is no task, or its annotations are none of ours.
    """
    if not isinstance(task, dict):
        raise FormatError(f"{where} is no object.")
    data = task.get("data", task)
    if not isinstance(data, dict):
        raise FormatError(f"{where} has data that are no object.")
    found: tuple[tuple[str, ...] | None, str]
    if "annotations" in task or "data" in task:
        found = verdict(task.get("annotations") or [], where)
    else:  # JSON_MIN: the choices lie beside the data
        value = task.get(CONTROL)
        choices = value.get("choices") if isinstance(value, dict) else value
        found = names_in(choices, where), _person(task.get("annotator"))
    sample_id = as_id(data.get("sample_id"))
    return Record(
        as_text(data.get("path")) or ("" if sample_id is not None else as_text(data.get(OBJECT))),
        found[0],
        sample_id,
        found[1],
        as_text(data.get("split")),
        details={"round": data["round"]} if isinstance(data.get("round"), int) else {},
        where=where,
    )


def verdict(annotations: Any, where: str, least: int = 1) -> tuple[tuple[str, ...] | None, str]:
    """Return what the annotations of one task come to, and who said it last.

    The last annotation of each person counts. One marked as ground truth decides; else what most said; of as many, the
    latest. Skipped (cancelled) ones count only if nobody answered. An annotation without a choice is "none of them".
    With fewer than `least` people, answered or skipped, nothing is said yet.

    Returns:
        (names, annotator); names None if there is no annotation.
    """
    if not isinstance(annotations, list) or not all(isinstance(each, dict) for each in annotations):
        raise FormatError(f"{where}: annotations are no list of objects.")
    ordered = sorted(
        annotations, key=lambda each: (str(each.get("updated_at") or each.get("created_at") or ""), _number(each))
    )
    # without a name, every annotation is somebody's own
    last = {_person(each.get("completed_by")) or f"#{at}": each for at, each in enumerate(ordered)}
    ordered = sorted(last.values(), key=ordered.index)
    if len(ordered) < least:
        return None, ""
    answered = [each for each in ordered if not each.get("was_cancelled")]
    if not answered:
        return (("skip",), _person(ordered[-1].get("completed_by"))) if ordered else (None, "")
    decided = [each for each in answered if each.get("ground_truth")] or answered
    named = [(_choices(each.get("result"), where), each) for each in decided]
    counts = Counter(frozenset(names) for names, _ in named)
    most = max(counts.values())
    names, chosen = next((n, each) for n, each in reversed(named) if counts[frozenset(n)] == most)
    return names, _person(chosen.get("completed_by"))


def _choices(result: Any, where: str) -> tuple[str, ...]:
    if not isinstance(result, list):
        raise FormatError(f"{where}: an annotation has no list of results.")
    names: list[str] = []
    for each in result:
        value = each.get("value") if isinstance(each, dict) else None
        if (
            isinstance(value, dict)
            and isinstance(value.get("choices"), list)
            and each.get("from_name", CONTROL) == CONTROL
        ):
            names += names_in(value["choices"], where) or ()
    return tuple(dict.fromkeys(names))


def _number(annotation: Mapping[str, Any]) -> int:
    return as_id(annotation.get("id")) or 0


def _person(value: Any) -> str:
    """Return the name of a person given as a number, a name or an object with an e-mail address.

    >>> _person(3), _person({"id": 3, "email": "ann@example.com"}), _person(None)
    ('user 3', 'ann@example.com', '')
    """
    if isinstance(value, dict):
        return as_text(value.get("email")) or _person(value.get("id"))
    text = as_text(value)
    return f"user {text}" if text.isdecimal() else text

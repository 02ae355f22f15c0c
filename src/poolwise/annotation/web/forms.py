"""The JSON that browsers send and get, as the shapes that FastAPI checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetPydanticSchema

from poolwise.annotation.web.speed import Speed
from poolwise.core.voting import Verdict

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
"""Made by the browser: of a tab, of an answer."""
Id = Annotated[int, Field(ge=0, le=2**53)]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, Field(max_length=500)]
AnswerVerdict = Annotated[
    Verdict,
    GetPydanticSchema(
        lambda _, handler: handler.generate_schema(Literal[Verdict.LABEL, Verdict.CANNOT_TELL, Verdict.REMOVE])
    ),
]
"""What a browser may say of one sample; KEEP and UNDO have requests of their own."""
AT_ONCE = 500
"""Answers or pictures in one request."""


def plain(text: str) -> str:
    """Return the printable part of a text: databases refuse the character 0."""
    return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")


@dataclass(frozen=True)
class Submission:
    """One answer as a browser sends it; the session makes it a vote."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    key: Key
    sample_id: Id
    verdict: Annotated[AnswerVerdict, Field(alias="said")]
    labels: Annotated[tuple[Name, ...], Field(max_length=AT_ONCE)] = ()
    note: Annotated[str, Field(max_length=2000), AfterValidator(plain)] = ""
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Strict(BaseModel):
    """A request with no other fields than those named."""

    model_config = ConfigDict(extra="forbid")


class TakeRequest(Strict):
    """A tab asks for samples to show."""

    tab: Key
    count: Annotated[int, Field(ge=0, le=AT_ONCE)] = 4
    grid: bool = False


class AnswerRequest(TakeRequest):
    """Answers, samples put aside, and a request for the samples to show next."""

    round: Number
    answers: Annotated[list[Submission], Field(max_length=AT_ONCE)] = []
    aside: Annotated[list[Id], Field(max_length=AT_ONCE)] = []


class UndoRequest(Strict):
    """A person takes the last answer back."""

    tab: Key
    key: Key


class KeepRequest(Strict):
    """The samples of a duplicate group that stay."""

    key: Key
    group: Number
    keep: list[Id]


class Neighbour(BaseModel):
    """A picture nearest to a doubted one, with its label."""

    picture: str
    label: str
    similarity: float | None


class Item(BaseModel):
    """A sample as it is shown."""

    id: int
    picture: str
    small: str
    zoom: str
    suggestion: list[str] | None
    probability: float | None
    reason: str
    cluster: str
    review: bool
    given: list[str] | None
    neighbours: list[Neighbour]


class Progress(BaseModel):
    """How far the batch and the run are."""

    round: int | None
    done: int
    total: int
    mine: int
    full: bool
    stage: str
    since: float
    expected: float
    over: str
    metric: str
    scores: list[tuple[int, float]]
    next_command: str
    trouble: str


class TakeResponse(BaseModel):
    """The samples that a tab is to show."""

    items: list[Item]
    progress: Progress


class UndoResponse(BaseModel):
    """The sample whose answer was taken back, to be answered again; None if there was no answer."""

    item: Item | None
    labels: list[str]
    note: str
    progress: Progress


class FiguresResponse(BaseModel):
    """Each person's figures in this batch."""

    people: list[Speed]
    progress: Progress


class KeepResponse(BaseModel):
    """The number of samples of a group that leave the labels."""

    removed: int

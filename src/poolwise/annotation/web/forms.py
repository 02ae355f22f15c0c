"""What browsers send and get, as the shapes that FastAPI checks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from poolwise.annotation.web.batch_session import Submission
from poolwise.core.voting import Said

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
"""Made by the browser: of a tab, of an answer."""
Id = Annotated[int, Field(ge=0, le=2**53)]
Name = Annotated[str, Field(max_length=500)]
AT_ONCE = 500
"""AnswerRequest or pictures in one request."""


class Strict(BaseModel):
    """Nothing but what is named."""

    model_config = ConfigDict(extra="forbid")


class TakeRequest(Strict):
    """What is there to be shown?"""

    tab: Key
    count: Annotated[int, Field(ge=0, le=AT_ONCE)] = 4
    grid: bool = False


class OneAnswer(Strict):
    """An answer to a sample."""

    key: Key
    sample_id: Id
    said: Literal["label", "cannot tell", "remove"]
    labels: Annotated[list[Name], Field(max_length=AT_ONCE)] = []
    note: Annotated[str, Field(max_length=2000)] = ""
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    @field_validator("note")
    @classmethod
    def plain(cls, text: str) -> str:
        """Text alone: databases refuse the character 0."""
        return "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")

    def sent(self) -> Submission:
        """As the session takes it."""
        return Submission(self.key, self.sample_id, Said(self.said), tuple(self.labels), self.note, self.seconds)


class AnswerRequest(TakeRequest):
    """AnswerRequest, samples put aside, and what is to be shown next."""

    round: Annotated[int, Field(ge=0, le=2**31 - 1)]
    answers: Annotated[list[OneAnswer], Field(max_length=AT_ONCE)] = []
    aside: Annotated[list[Id], Field(max_length=AT_ONCE)] = []


class UndoRequest(Strict):
    """TakeRequest back the last answer."""

    tab: Key
    key: Key


class KeepRequest(Strict):
    """Of a duplicate group, the sample that stays."""

    key: Key
    group: Annotated[int, Field(ge=0, le=2**31 - 1)]
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
    """How far everything is."""

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
    """What a tab is to show."""

    items: list[Item]
    progress: Progress


class UndoResponse(BaseModel):
    """What was taken back, to be answered again; none if there was nothing."""

    item: Item | None
    labels: list[str]
    note: str
    progress: Progress


class PersonFigures(BaseModel):
    """One person's figures in this batch."""

    person: str
    answers: int
    cannot_tell: int
    seconds: float | None
    agreement: float | None


class FiguresResponse(BaseModel):
    """Everybody's figures."""

    people: list[PersonFigures]
    progress: Progress


class KeepResponse(BaseModel):
    """How many samples of a group go."""

    removed: int

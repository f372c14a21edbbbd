"""A cursor: where a page ended, in which generation's answer to which question.

A generation never changes and the order of an answer is total, so that a place in it is a number of rows. The next page
is of the same generation, whatever has been published since.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from .errors import BAD_INPUT, refusal
from .question import Question


class OtherGeneration(Exception):
    """The document has a cursor of another generation, which is to answer it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"generation {number}")
        self.number = number


@dataclass(frozen=True)
class Cursor:
    """`rows` of the answer lie before the page that comes next."""

    generation: int
    rows: int
    question: str

    def __str__(self) -> str:
        """As clients have it, who need not read it."""
        return base64.urlsafe_b64encode(f"{self.generation}.{self.rows}.{self.question}".encode()).decode()


def cursor_at(question: Question, generation: int, rows: int) -> Cursor:
    """The cursor behind so many rows of the answer to a question."""
    order = [(column.name, direction) for column, direction in question.order_by]
    by = [column.name for column in question.by]
    asked = (question.metric.name, by, question.where, question.having, order, question.fill, question.policy)
    return Cursor(generation, rows, hashlib.sha256(repr(asked).encode()).hexdigest()[:12])


def rows_before(after: str, question: Question, generation: int) -> int:
    """How many rows lie before the page after a cursor.

    Raises OtherGeneration, and GraphQLError for what is no cursor of this question.
    """
    try:
        number, rows, asked = base64.urlsafe_b64decode(after.encode()).decode().split(".")
        found = Cursor(int(number), int(rows), asked)
        if str(found) != after:
            raise ValueError(after)
    except (ValueError, binascii.Error) as error:
        raise refusal(BAD_INPUT, "'after' is not a cursor that was given out", question.at("after")) from error
    if found.generation != generation:
        raise OtherGeneration(found.generation)
    if found.rows < 0 or found != cursor_at(question, generation, found.rows):
        message = "'after' is a cursor of another question; ask with the same by, where, having, orderBy and fill"
        raise refusal(BAD_INPUT, message, question.at("after"))
    return found.rows

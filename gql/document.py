"""A document's text, parsed and validated once for each generation: clients send the same few again and again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    MaxIntrospectionDepthRule,
    parse,
    specified_rules,
    validate,
)

from .errors import MAX_ERRORS

RULES = [*specified_rules, MaxIntrospectionDepthRule]
# How many documents are kept, and how long one may be to be kept.
KEPT_DOCUMENTS, KEPT_CHARACTERS = 500, 20_000


@dataclass(frozen=True)
class Document:
    """A document, and why it is not valid where it is not."""

    node: DocumentNode
    errors: tuple[GraphQLError, ...]


# text, the number of words it may have -> the document. Raises GraphQLError for what cannot be parsed.
Documents = Callable[[str, int], Document]


def documents(schema: GraphQLSchema) -> Documents:
    """The documents of one schema."""

    def read(text: str, max_tokens: int) -> Document:
        node = parse(text, max_tokens=max_tokens)
        return Document(node, tuple(validate(schema, node, RULES, max_errors=MAX_ERRORS)))

    kept = lru_cache(KEPT_DOCUMENTS)(read)
    return lambda text, max_tokens: (kept if len(text) <= KEPT_CHARACTERS else read)(text, max_tokens)

"""A document's text, parsed and validated once for each generation: clients send the same few again and again."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    MaxIntrospectionDepthRule,
    parse,
    specified_rules,
    validate,
)

from .bounded import Bounded
from .errors import MAX_ERRORS

RULES = [*specified_rules, MaxIntrospectionDepthRule]
# How many documents are kept, and how long one may be to be kept.
KEPT_DOCUMENTS, KEPT_CHARACTERS = 500, 20_000


@dataclass(frozen=True, eq=False)
class Document:
    """A document, and why it is not valid where it is not. Two that say the same are two: it is a key by itself."""

    node: DocumentNode
    errors: tuple[GraphQLError, ...]


class Documents:
    """The documents of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept = Bounded[tuple[str, int], Document](KEPT_DOCUMENTS, lambda _: 1)

    def __call__(self, text: str, max_tokens: int) -> Document:
        """The document of a text of at most so many words. Raises GraphQLError for what cannot be parsed."""
        return self.known(text, max_tokens) or self._read(text, max_tokens)

    def known(self, text: str, max_tokens: int) -> Document | None:
        """The same where it was read before."""
        return self._kept.get((text, max_tokens))

    def _read(self, text: str, max_tokens: int) -> Document:
        node = parse(text, max_tokens=max_tokens)
        document = Document(node, tuple(validate(self._schema, node, RULES, max_errors=MAX_ERRORS)))
        if len(text) <= KEPT_CHARACTERS:
            self._kept.put((text, max_tokens), document)
        return document

"""A document's text, parsed and validated once for each generation: clients send the same few again and again."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

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
# What graphql-core says of a document that takes too long to validate, and what a client is told.
ABORTED = "Validation aborted."
TOO_LONG = (
    "the document takes too long to validate: too many fields have the same key in the response, or fragments nest too "
    "deep; name each field once"
)
# What the documents of a schema may take that are kept, in bytes, and what one takes for each of its words.
DOCUMENT_BYTES, WORD_BYTES = 32_000_000, 400


@dataclass(frozen=True, eq=False)
class Document:
    """A document, and why it is not valid where it is not. Two that say the same are two: it is a key by itself."""

    node: DocumentNode
    errors: tuple[GraphQLError, ...]

    @cached_property
    def size(self) -> int:
        """The memory that it takes, in bytes: each word is a token with a text, and more or less a node."""
        assert self.node.loc  # noqa: S101  it was parsed with its places
        word, words = self.node.loc.start_token, 1
        while word.next:
            word, words = word.next, words + 1
        return words * WORD_BYTES + 2 * sys.getsizeof(self.node.loc.source.body)


class Documents:
    """The documents of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept = Bounded[tuple[str, int], Document](DOCUMENT_BYTES, lambda _, document: document.size)

    def __call__(self, text: str, max_tokens: int) -> Document:
        """The document of a text of at most so many words. Raises GraphQLError for what cannot be parsed."""
        return self.known(text, max_tokens) or self._read(text, max_tokens)

    def known(self, text: str, max_tokens: int) -> Document | None:
        """The same where it was read before."""
        return self._kept.get((text, max_tokens))

    def _read(self, text: str, max_tokens: int) -> Document:
        node = parse(text, max_tokens=max_tokens)
        errors = validate(self._schema, node, RULES, max_errors=MAX_ERRORS)
        document = Document(node, tuple(GraphQLError(TOO_LONG) if e.message == ABORTED else e for e in errors))
        self._kept.put((text, max_tokens), document)
        return document

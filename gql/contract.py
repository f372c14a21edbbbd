"""The contract of the API: what of a schema that clients rely on another one would break."""

from __future__ import annotations

from graphql import GraphQLError, GraphQLSchema, build_schema, find_breaking_changes


def breaks(contract: str, schema: GraphQLSchema) -> list[str]:
    """Each break in words: a field that is gone, of another type or newly null, an argument that asks for more.

    What is only added is none.
    """
    try:
        promised = build_schema(contract)
    except (GraphQLError, TypeError) as error:
        return [f"the contract is not a schema: {str(error).splitlines()[0]}"]
    return [change.description for change in find_breaking_changes(promised, schema)]

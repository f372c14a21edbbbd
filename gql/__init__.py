"""The GraphQL API: one request, one generation, one answer."""

"""A directory of immutable, numbered, self-describing DuckDB files: how they are built, published and read."""

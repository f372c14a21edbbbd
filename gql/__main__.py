"""`python -m gql`: a snapshot's schema, or what of a contract it would break, for those who do not load GraphQL."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from snapshot.reader import read_catalog

from .contract import breaks
from .schema import build


def main(argv: Sequence[str] | None = None) -> int:
    """Print a snapshot's schema; with --contract, only what of the contract it would break.

    3 where there are breaks, 4 where a column has a type that no schema can show: what is wrong is printed then.
    """
    parser = argparse.ArgumentParser(prog="gql", description="The schema of a snapshot's API.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--contract", type=Path)
    arguments = parser.parse_args(argv)
    try:
        api = build(read_catalog(arguments.file))
    except ValueError as error:
        print(error)
        return 4
    if arguments.contract is None:
        print(api.sdl, end="")
        return 0
    found = breaks(arguments.contract.read_text(encoding="utf-8", errors="replace"), api.schema)
    for words in found:
        print(words)
    return 3 if found else 0


if __name__ == "__main__":
    sys.exit(main())

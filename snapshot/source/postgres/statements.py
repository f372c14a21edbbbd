"""Statements of one ADBC connection."""

from __future__ import annotations

from typing import Any

import adbc_driver_manager as adbc
import nanoarrow


def execute(connection: adbc.AdbcConnection, sql: str) -> None:
    """Run what gives no rows."""
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        statement.execute_update()


def fetch(connection: adbc.AdbcConnection, sql: str) -> list[dict[str, Any]]:
    """The rows of a small answer. Raises adbc.Error, whether the server refuses it at once or at a row."""
    with adbc.AdbcStatement(connection) as statement:
        statement.set_sql_query(sql)
        stream, _ = statement.execute_query()
        try:
            return list(nanoarrow.ArrayStream(stream).read_all().to_pylist())
        except RuntimeError as error:  # nanoarrow's
            raise adbc.OperationalError(str(error), status_code=adbc.AdbcStatusCode.IO) from error

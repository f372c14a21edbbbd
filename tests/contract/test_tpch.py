"""The questions of TPC-H that are one metric each, over SQLite and PostgreSQL: the API says what DuckDB says.

Tables and questions are those of the benchmark's specification (tpc.org/tpch), at scale factor 0.1.
"""

from __future__ import annotations

import csv
import shutil
import sqlite3
import subprocess
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
import sqlalchemy

from snapshot import settings as project_settings
from tests import servers

from ..unit.tiny import Asking, asking
from .oracle import TOLERANCE
from .sources import check, publish

# The columns that the questions read, as their table has them, and their types.
TABLES = {
    "lineitem": {
        "l_orderkey": "bigint", "l_partkey": "bigint", "l_suppkey": "bigint", "l_quantity": "decimal(15,2)",
        "l_extendedprice": "decimal(15,2)", "l_discount": "decimal(15,2)", "l_tax": "decimal(15,2)",
        "l_returnflag": "char(1)", "l_linestatus": "char(1)", "l_shipdate": "date", "l_commitdate": "date",
        "l_receiptdate": "date", "l_shipmode": "varchar(10)",
    },
    "orders": {
        "o_orderkey": "bigint", "o_custkey": "bigint", "o_orderdate": "date", "o_orderpriority": "varchar(15)",
    },
    "customer": {"c_custkey": "bigint", "c_nationkey": "bigint"},
    "supplier": {"s_suppkey": "bigint", "s_nationkey": "bigint"},
    "nation": {"n_nationkey": "bigint", "n_name": "varchar(25)", "n_regionkey": "bigint"},
    "region": {"r_regionkey": "bigint", "r_name": "varchar(25)"},
    "part": {"p_partkey": "bigint", "p_type": "varchar(25)"},
}  # fmt: skip
QUESTIONS = {
    "q1": """
        select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price,
          sum(l_extendedprice * (1 - l_discount)) as sum_disc_price,
          sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge, avg(l_quantity) as avg_qty,
          avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as count_order
        from shop.lineitem where l_shipdate <= date '1998-12-01' - interval '90' day
        group by l_returnflag, l_linestatus""",
    "q4": """
        select o_orderpriority, count(*) as order_count from shop.orders
        where o_orderdate >= date '1993-07-01' and o_orderdate < date '1993-10-01' and exists (
          select * from shop.lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate)
        group by o_orderpriority""",
    "q5": """
        select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue
        from shop.customer, shop.orders, shop.lineitem, shop.supplier, shop.nation, shop.region
        where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey
          and c_nationkey = s_nationkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey
          and r_name = 'ASIA' and o_orderdate >= date '1994-01-01' and o_orderdate < date '1995-01-01'
        group by n_name""",
    "q6": """
        select sum(l_extendedprice * l_discount) as revenue from shop.lineitem
        where l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01'
          and l_discount between 0.05 and 0.07 and l_quantity < 24""",
    "q12": """
        select l_shipmode,
          sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as high,
          sum(case when o_orderpriority <> '1-URGENT' and o_orderpriority <> '2-HIGH' then 1 else 0 end) as low
        from shop.orders, shop.lineitem
        where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < l_receiptdate
          and l_shipdate < l_commitdate and l_receiptdate >= date '1994-01-01' and l_receiptdate < date '1995-01-01'
        group by l_shipmode""",
    "q14": """
        select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end)
          / sum(l_extendedprice * (1 - l_discount)) as promo_revenue
        from shop.lineitem, shop.part
        where l_partkey = p_partkey and l_shipdate >= date '1995-09-01' and l_shipdate < date '1995-10-01'""",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables as CSV files."""
    folder: Path = tmp_path_factory.mktemp("tpch")
    tool = shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts"))
    assert tool is not None
    subprocess.run([tool, "csv", "-s", "0.1", "-T", ",".join(TABLES), "-o", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def exact(files: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same in DuckDB, which no code of ours has touched."""
    with duckdb.connect() as connection:
        connection.execute("create schema shop")
        for table, columns in TABLES.items():
            wanted = ", ".join(f"{name}::{kind} as {name}" for name, kind in columns.items())
            connection.execute(f"create table shop.{table} as select {wanted} from '{files / table}.csv'")
        yield connection


def picked(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """The rows of a file, of these columns."""
    with path.open(newline="") as file:
        lines = csv.reader(file)
        header = next(lines)
        places = [header.index(name) for name in columns]
        yield from ([line[place] for place in places] for line in lines)


def fill_sqlite(files: Path, path: Path) -> None:
    """The tables in a SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        for table, columns in TABLES.items():
            connection.execute(f"create table {table} ({', '.join(f'{n} {k} not null' for n, k in columns.items())})")
            places = ", ".join("?" * len(columns))
            connection.executemany(f"insert into {table} values ({places})", picked(files / f"{table}.csv", [*columns]))
        connection.commit()


def fill_postgres(files: Path, url: sqlalchemy.URL) -> None:
    """The tables in a PostgreSQL database."""
    with psycopg.connect(servers.written(url)) as connection:
        for table, columns in TABLES.items():
            connection.execute(f"create table {table} ({', '.join(f'{n} {k} not null' for n, k in columns.items())})")
            with connection.cursor().copy(f"copy {table} from stdin") as copy:
                for row in picked(files / f"{table}.csv", [*columns]):
                    copy.write_row(row)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shop(
    request: pytest.FixtureRequest,
    files: Path,
    postgres_server: sqlalchemy.URL,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Asking]:
    """A project of the six metrics over either."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    (folder / "metrics").mkdir()
    for name, sql in QUESTIONS.items():
        (folder / "metrics" / f"{name}.sql").write_text(sql)
    with servers.new_database(postgres_server) as url:
        if request.param == "sqlite":
            fill_sqlite(files, folder / "shop.sqlite")
        else:
            fill_postgres(files, url)
        source = "sqlite:///shop.sqlite" if request.param == "sqlite" else servers.written(url)
        (folder / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{source}"\n')
        check(folder)
        publish(folder)
        with asking(project_settings.load(folder)) as found:
            yield found


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_of_tpch_is_answered_as_duckdb_answers_it(
    shop: Asking, exact: duckdb.DuckDBPyConnection, name: str
) -> None:
    """To the last digit of each decimal."""
    metric = shop.metric(name)
    assert metric.grouped == ("group by" in QUESTIONS[name])
    columns = [column.field for column in metric.stored]
    rows = shop.data(f"{{ {metric.field} {{ nodes {{ {' '.join(columns)} }} }} }}")[metric.field]["nodes"]
    order = ", ".join(str(number) for number in range(1, len(metric.own_grain) + 1))
    expected = exact.execute(f"{QUESTIONS[name]} {f'order by {order}' if order else ''}").fetchall()
    assert len(rows) == len(expected) > 0
    for row, values in zip(rows, expected, strict=True):
        assert all(same(row[field], value) for field, value in zip(columns, values, strict=True)), (row, values)


def same(found: Any, expected: Any) -> bool:
    """Exactly; floats as nearly as another order of additions allows."""
    if isinstance(expected, float):
        return bool(abs(found - expected) <= TOLERANCE * abs(expected))
    return bool((Decimal(found) if isinstance(expected, Decimal) else found) == expected)

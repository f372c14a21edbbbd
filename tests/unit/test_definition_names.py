"""Names of metrics: what they become, which cannot be, and which collide."""

from __future__ import annotations

import weakref

import pytest

from snapshot.definition.bind import Binder

from .reading import problem, problems, read

USERS = "select id as user_id, plan from shop.users"


def test_a_metric_is_named_after_its_file() -> None:
    """The table as the file, the field in camel case."""
    found = read({"top_products.sql": USERS}).definitions[0].metric
    assert (found.name, found.field) == ("top_products", "topProducts")


def test_folders_below_metrics_are_not_part_of_the_name() -> None:
    """They are there for order."""
    found = read({"shop/people/users.sql": USERS}).definitions[0]
    assert (found.path, found.metric.name) == ("metrics/shop/people/users.sql", "users")


def test_metrics_stand_in_the_order_of_their_files() -> None:
    """The same on every machine."""
    project = read({"b.sql": USERS, "a/z.sql": USERS, "c.sql": USERS})
    assert [found.metric.name for found in project.definitions] == ["z", "b", "c"]


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ("a/sales.sql", "b/sales.sql", "sales"),
        ("sales.sql", "sub/sales.sql", "sales"),
        ("Sales.sql", "sales.sql", "sales"),
        ("topProducts.sql", "top_products.sql", "topProducts"),
        ("TOP_PRODUCTS.sql", "sub/top_products.sql", "topProducts"),
    ],
)
def test_two_metrics_of_one_name_collide(first: str, second: str, field: str) -> None:
    """In any folders and in any letters; tables in DuckDB have no case."""
    said = problem({first: USERS, second: USERS})
    assert said == f"metrics/{second}:1: '{field}' is also a field of metrics/{first}; rename one of the files"


def test_a_metric_collides_with_the_look_up_of_another() -> None:
    """`users` by `user_id` is a field as well."""
    said = problem({"users.sql": f"-- @key user_id\n{USERS}", "users_by_user_id.sql": USERS})
    assert said == (
        "metrics/users.sql:1: 'usersByUserId' is also a field of metrics/users_by_user_id.sql; rename one of the files"
    )


@pytest.mark.parametrize("name", ["my-metric", "2026_sales", "umsätze", "my metric", "__sales", "sales.v2"])
def test_a_file_that_is_no_graphql_name_is_reported(name: str) -> None:
    """It has to be a field."""
    said = problem({f"{name}.sql": USERS})
    assert said.startswith(f"metrics/{name}.sql:1: '")
    assert said.endswith("' is not a GraphQL name; rename the file: letters, digits and _")


@pytest.mark.parametrize("name", ["snapshot", "status", "metrics", "dashboard_metrics"])
def test_a_name_that_pacelayer_uses_itself_is_reported(name: str) -> None:
    """Fields of every API, and what `main` has beside the metrics."""
    said = problem({f"{name}.sql": USERS})
    assert said == f"metrics/{name}.sql:1: '{name}' is a name that pacelayer uses itself; rename the file"


def test_names_that_sql_or_python_use_are_allowed() -> None:
    """They are quoted wherever they stand."""
    sql = 'select id as "select", plan as "class", born as "from" from shop.users'
    found = read({"order.sql": sql, "class.sql": sql}).definitions
    assert [d.metric.name for d in found] == ["class", "order"]
    assert [c.name for c in found[0].metric.columns] == ["select", "class", "from"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("rowid", "what DuckDB calls the number of a row, which a plain table is kept in order by"),
        ("_pacelayer_row", "a name that pacelayer uses itself"),
    ],
)
def test_a_column_that_would_hide_what_keeps_rows_in_order_is_reported(name: str, said: str) -> None:
    """In whatever letters."""
    found = problem(f"select plan,\n  id as {name.upper()} from shop.users")
    assert found == f"metrics/sales.sql:2: '{name.upper()}' is {said}; choose another name"


def test_a_grouped_metric_may_have_row_numbers() -> None:
    """Its rows are in the order of its dimensions."""
    assert read({"users.sql": "select id as rowid, count(*) as n from shop.users group by all"}).definitions


def test_every_collision_is_reported() -> None:
    """Three of one name are two too many."""
    said = problems({"a/users.sql": USERS, "b/users.sql": USERS, "c/users.sql": USERS})
    assert [found.path for found in said] == ["metrics/b/users.sql", "metrics/c/users.sql"]


def test_what_reads_a_project_is_gone_once_it_is_read() -> None:
    """Its database, too: a refresher reads the project again and again."""
    binder = Binder({}, "UTC")
    assert (binder.knows("DATE"), binder.knows("DAT")) == (True, False)
    kept = weakref.ref(binder)
    del binder
    assert kept() is None


def test_a_list_that_no_field_can_have_is_advised_to_be_another_list() -> None:
    """A text would throw its items away."""
    said = problem("select region, [sum(id), count(*)] as m, {'of': max(id)} as s from shop.orders group by all")
    assert said.endswith("'m' has the type HUGEINT[], which no GraphQL scalar stands for; cast it: m::BIGINT[]")

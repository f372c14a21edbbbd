"""`where`: every operator of every scalar, how conditions combine, and that a text is never more than a text."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from .asking import code, data, post
from .conftest import Sql
from .things import HOSTILE, ORDERED

UID = '"00000000-0000-0000-0000-00000000000{}"'
# Operator, operand with the three values a < b < c of rows 1 to 3, and the rows that it lets in; row 4 is null.
SAME = [
    ("eq", "{b}", [2]),
    ("ne", "{b}", [1, 3]),
    ("in", "[{a}, {c}]", [1, 3]),
    ("in", "[]", []),
    ("notIn", "[{a}, {c}]", [2]),
    ("notIn", "[]", [1, 2, 3, 4]),
    ("isNull", "true", [4]),
    ("isNull", "false", [1, 2, 3]),
]
GREATER = [
    ("lt", "{b}", [1]),
    ("lte", "{b}", [1, 2]),
    ("gt", "{b}", [3]),
    ("gte", "{b}", [2, 3]),
    ("between", "{{from: {b}, to: {c}}}", [2, 3]),
    ("between", "{{from: {c}, to: {b}}}", []),
]
TEXT = [
    ("contains", '"a"', [1, 2, 3]),
    ("contains", '"am"', [3]),
    ("startsWith", '"b"', [2]),
    ("startsWith", '"B"', []),
    ("endsWith", '"ha"', [1]),
    ("contains", '""', [1, 2, 3]),
]
CASES = [
    *((field, operator, operand.format(a=a, b=b, c=c), rows)
      for field, (a, b, c) in ORDERED.items() for operator, operand, rows in (*SAME, *GREATER)),
    *(("uid", operator, operand.format(a=UID.format(1), b=UID.format(2), c=UID.format(3)), rows)
      for operator, operand, rows in SAME),
    *(("word", *case) for case in TEXT),
    ("flag", "eq", "true", [2, 3]), ("flag", "ne", "true", [1]), ("flag", "in", "[false]", [1]),
    ("flag", "notIn", "[false]", [2, 3]), ("flag", "isNull", "true", [4]),
    ("raw", "isNull", "true", [4]), ("doc", "isNull", "false", [1, 2, 3, 4]), ("list", "isNull", "true", []),
]  # fmt: skip


def rows(client: httpx.Client, where: str) -> list[int]:
    """The ids of the things that a filter lets in."""
    return [
        node["id"] for node in data(client, f"{{ things(where: {where}) {{ nodes {{ id }} }} }}")["things"]["nodes"]
    ]


@pytest.mark.parametrize(("field", "operator", "operand", "expected"), CASES)
def test_an_operator_lets_in_the_rows_that_its_name_says(
    things: httpx.Client, field: str, operator: str, operand: str, expected: list[int]
) -> None:
    """A null is equal to nothing, greater than nothing, and not in any list but the empty one's contrary."""
    assert rows(things, f"{{{field}: {{{operator}: {operand}}}}}") == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{}", [1, 2, 3, 4]),
        ("null", [1, 2, 3, 4]),
        ("{big: {}}", [1, 2, 3, 4]),
        ("{big: {gt: 10, lt: 30}}", [2]),
        ('{big: {gt: 10}, word: {eq: "gamma"}}', [3]),
        ("{and: [{big: {gt: 10}}, {big: {lt: 30}}]}", [2]),
        ("{or: [{big: {eq: 10}}, {big: {eq: 30}}]}", [1, 3]),
        ("{and: []}", [1, 2, 3, 4]),
        ("{or: []}", []),
        ("{or: [{}]}", [1, 2, 3, 4]),
        ("{not: {}}", []),
        ("{not: {big: {eq: 10}}}", [2, 3]),
        ("{not: {not: {big: {eq: 10}}}}", [1]),
        ("{not: {or: [{big: {eq: 10}}, {id: {eq: 4}}]}}", [2, 3]),
        ("{big: {isNull: false}, or: [{id: {gte: 3}}, {and: [{id: {eq: 1}}, {not: {flag: {eq: true}}}]}]}", [1, 3]),
        ("{or: [{big: {eq: 10}}, {not: {and: [{id: {lt: 4}}, {or: [{id: {eq: 2}}, {id: {eq: 3}}]}]}}]}", [1, 4]),
    ],
)
def test_conditions_combine_as_in_sql(things: httpx.Client, where: str, expected: list[int]) -> None:
    """Several hold together, `and` of nothing is true, `or` of nothing is false, and `not` of unknown is unknown."""
    assert rows(things, where) == expected


@pytest.mark.parametrize(
    "where",
    [
        "{big: null}", "{big: {eq: null}}", "{big: {ne: null}}", "{big: {in: null}}", "{big: {in: [null]}}",
        "{big: {lt: null}}", "{big: {between: null}}", "{big: {between: {from: null, to: 1}}}", "{big: {isNull: null}}",
        "{and: null}", "{or: null}", "{not: null}", "{and: [null]}", "{or: [{big: {eq: null}}]}",
        "{word: {contains: null}}",
    ],
)  # fmt: skip
def test_a_null_operand_is_refused(things: httpx.Client, where: str) -> None:
    """It would let in nothing, or all, and whoever sends it means neither."""
    query = f"{{ things(where: {where}) {{ totalCount }} }}"

    assert code(things, query) in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")


def test_a_null_variable_as_an_operand_is_refused(things: httpx.Client) -> None:
    """An empty field of a form does not turn into another question."""
    query = "query($big: BigInt) { things(where: {big: {eq: $big}}) { totalCount } }"

    assert code(things, query, big=None) == "BAD_USER_INPUT"


def test_a_variable_that_is_left_out_leaves_its_condition_out(things: httpx.Client) -> None:
    """As GraphQL says of input objects."""
    query = "query($big: BigInt) { things(where: {big: {eq: $big}}) { totalCount } }"

    assert data(things, query) == {"things": {"totalCount": 4}}


@pytest.mark.parametrize("operator", ["eq", "contains", "startsWith", "endsWith"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_finds_itself_and_nothing_else(things: httpx.Client, text: str, operator: str) -> None:
    """Quotes, comments, wildcards, addresses and paths are plain data: as a variable, and no pattern either."""
    query = f"query($text: String) {{ words(where: {{word: {{{operator}: $text}}}}) {{ nodes {{ word }} }} }}"
    found = [node["word"] for node in data(things, query, text=text)["words"]["nodes"]]

    by_python: dict[str, Any] = {
        "eq": text.__eq__,
        "contains": lambda word: text in word,
        "startsWith": lambda word: word.startswith(text),
        "endsWith": lambda word: word.endswith(text),
    }
    assert sorted(found) == sorted(filter(by_python[operator], HOSTILE))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_looks_up_its_own_row(things: httpx.Client, text: str) -> None:
    """A key that is a text is data as well."""
    found = data(things, "query($word: String!) { wordsByWord(word: $word) { id } }", word=text)

    assert found == {"wordsByWord": {"id": HOSTILE.index(text)}}


@pytest.mark.parametrize(
    ("exact", "not_less"),
    [("9" * 38, []), ("1e38", []), ("-" + "9" * 38, [1, 2, 3]), ("0." + "9" * 38, [1, 2, 3]), ("1e-38", [1, 2, 3])],
)
def test_a_decimal_that_the_column_cannot_hold_is_compared_or_refused(
    things: httpx.Client, exact: str, not_less: list[int]
) -> None:
    """It is no reason to break."""
    filters = "a: things(where: {exact: {eq: $exact}}) { nodes { id } } b: things(where: {exact: {gte: $exact}})"
    answer = post(things, f"query($exact: Decimal) {{ {filters} {{ nodes {{ id }} }} }}", variables={"exact": exact})

    if answer.status_code == 400:
        assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    else:
        expected = {"a": {"nodes": []}, "b": {"nodes": [{"id": number} for number in not_less]}}
        assert answer.json() == {"data": expected}


ORDERS = """
    select o.created_at::date as day, date_trunc('month', day)::date as month, u.plan, o.region, o.amount, u.id as buyer
    from shop.orders o join shop.users u on u.id = o.user_id"""


@pytest.mark.parametrize(
    ("where", "condition"),
    [
        ('{plan: {eq: "pro"}}', "plan = 'pro'"),
        ("{region: {isNull: true}}", "region is null"),
        ('{month: {eq: "2026-03-01"}}', "month = '2026-03-01'"),
        ('{week: {gte: "2026-06-01"}, plan: {ne: "pro"}}', "date_trunc('week', day) >= '2026-06-01' and plan <> 'pro'"),
        ('{or: [{day: {lt: "2025-07-01"}}, {region: {eq: "EU"}}]}', "day < '2025-07-01' or region = 'EU'"),
        ('{not: {region: {eq: "EU"}}}', "not region = 'EU'"),
    ],
)
@pytest.mark.parametrize("by", [[], ["plan"], ["month", "region"], ["day", "plan", "region"]])
def test_a_filter_of_a_grouped_metric_chooses_what_is_counted(
    client: httpx.Client, sql: Sql, by: list[str], where: str, condition: str
) -> None:
    """Also by dimensions that are not grouped by, and for measures that do not add up."""
    groups = f"[{', '.join(by).upper()}]"
    query = f"{{ revenue(by: {groups}, where: {where}) {{ nodes {{ {' '.join(by)} orders revenue buyers }} }} }}"
    found = [tuple(node.values()) for node in data(client, query)["revenue"]["nodes"]]

    columns = ", ".join([*(f"{name}::varchar" for name in by), "count(*), sum(amount)::varchar, count(distinct buyer)"])
    grouped = "group by all" if by else ""
    expected = sql(f"select {columns} from ({ORDERS}) where {condition} {grouped}")
    assert sorted(found, key=repr) == sorted(expected, key=repr)

"""Values at the ends of their types, in questions: answered exactly, whatever digits they are written with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

from gql.answer import Request, answer
from gql.errors import BAD_INPUT
from gql.exact import json_of
from prove.document import Document

from .tiny import SECONDS, Asking, Order, asking, publish

THINGS = """
select 1 as id, '12345678901234567.89'::decimal(38,2) as big, repeat('9', 38)::decimal(38,0) as whole,
  1.5::decimal(3,1) as small, '5'::decimal(38,37) as fine, timestamp_ns '2026-01-01 00:00:00.123456001' as seen,
  timestamp '2026-01-01 00:00:00.123456' as at, time '12:00:00' as clock, 'a' || chr(0) || 'b' as word,
  '00000000-0000-0000-0000-000000000001'::uuid as uid, 0.5::double as ratio, date '2026-03-01' as due
union all
select 2, 12345678901234568.00, 3, -1.5, -5, timestamp_ns '2026-01-01 00:00:00.123456789',
  timestamp '2026-01-01 00:00:00.123457', time '13:00:00', 'ab', null, 1.5, null
union all select 3, null, null, null, null, null, null, null, null, null, null, null
"""
MOMENTS = """select v.seen as seen, count(*) as n from shop.orders o, (values (timestamp_ns '2026-01-01 00:00:00'),
  (timestamp_ns '2026-01-01 00:00:59.999999999'), (timestamp_ns '2026-01-01 00:02:00')) as v(seen) group by all"""
GROUPS = """select o.id % 2 = 0 as even, max('2026-01-01 00:00:00.12345600' || o.id)::timestamp_ns as last,
  sum(o.amount) as amount from shop.orders o group by all"""
SUMS = """select o.id as id, sum('9e37'::decimal(38,0)) as total from shop.orders o group by all"""
SEEN = "2026-01-01T00:00:00.123456"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Three things, the last of nulls, and orders by two groups."""
    folder: Path = tmp_path_factory.mktemp("shop")
    metrics = {"things": THINGS, "groups": GROUPS, "moments": MOMENTS, "sums": SUMS}
    with asking(publish(folder, metrics, [Order()] * 4)) as found:
        yield found


def found(shop: Asking, where: str, variables: str = "{}", declared: str = "") -> list[int]:
    """The ids that a condition lets in; the variables are JSON as a client sends it."""
    query = f"query{declared} {{ things(where: {where}) {{ nodes {{ id }} }} }}"
    return [row["id"] for row in shop.data(query, json_of(variables))["things"]["nodes"]]


DECIMALS = {
    '{whole: {lt: "1e38"}}': [1, 2],
    '{whole: {gte: "1e38"}}': [],
    "{whole: {gt: 1.5}}": [1, 2],
    '{whole: {gt: "2.9999999999999999999999999999999999999"}}': [1, 2],
    '{whole: {lte: "2.9999999999999999999999999999999999999"}}': [],
    '{whole: {eq: "3.0"}}': [2],
    '{whole: {eq: "3.1"}}': [],
    '{whole: {ne: "3.1"}}': [1, 2],
    '{not: {whole: {eq: "3.1"}}}': [1, 2],
    '{not: {whole: {ne: "3.1"}}}': [],
    '{not: {whole: {lt: "1e38"}}}': [],
    '{whole: {in: ["3.1", "3"]}}': [2],
    '{not: {whole: {in: ["3.1", "1e38"]}}}': [1, 2],
    '{whole: {notIn: ["3.1"]}}': [1, 2],
    "{whole: {in: []}}": [],
    '{whole: {between: {from: "2.5", to: "1e38"}}}': [1, 2],
    '{not: {whole: {between: {from: "3.1", to: "3.9"}}}}': [1, 2],
    "{small: {ne: 1e37}}": [1, 2],
    "{small: {gt: -1e37, lt: 1e37}}": [1, 2],
    "{small: {lt: -1e37}}": [],
    '{small: {gte: "1.45"}}': [1],
    '{fine: {lt: "100"}}': [1, 2],
    '{fine: {eq: "5"}}': [1],
    '{fine: {gt: "-0.00000000000000000000000000000000000001"}}': [1],
    '{fine: {lt: "0.00000000000000000000000000000000000001"}}': [2],
}


@pytest.mark.parametrize("where", DECIMALS)
def test_a_column_is_compared_with_any_decimal(shop: Asking, where: str) -> None:
    """With one between two of its values or beyond them all, too; a null is never let in."""
    assert found(shop, where) == DECIMALS[where]


@pytest.mark.parametrize(("operator", "ids"), [("eq", [1]), ("gt", [2]), ("lte", [1])])
def test_a_decimal_in_a_variable_may_be_a_number(shop: Asking, operator: str, ids: list[int]) -> None:
    """No float stands between its digits and the column."""
    where, variables = f"{{big: {{{operator}: $value}}}}", '{"value": 12345678901234567.89}'
    assert found(shop, where, variables, "($value: Decimal)") == ids


def test_a_proof_asks_with_all_digits_of_its_variables(shop: Asking) -> None:
    """As the API would."""
    text = "query($value: Decimal) { things(where: {big: {eq: $value}}) { nodes { id } } }"
    document = Document(text, '{"value": 12345678901234567.89}', shop.settings.server)
    assert document.asked(shop.generation.catalog).parameters == (Decimal("12345678901234567.89"),)


def test_a_number_within_lists_and_objects_of_a_variable_keeps_its_digits(shop: Asking) -> None:
    """And a Float there is a Float."""
    variables = (
        '{"where": {"or": [{"big": {"in": [12345678901234567.89]}, "ratio": {"lt": 5.0e-1}}, {"ratio": {"eq": 1.50}}]}}'
    )
    assert found(shop, "$where", variables, "($where: ThingsWhere)") == [2]


NANOS = {
    f'{{seen: {{eq: "{SEEN}001"}}}}': [1],
    f'{{seen: {{gt: "{SEEN}001"}}}}': [2],
    f'{{seen: {{gte: "{SEEN}002", lte: "{SEEN}789"}}}}': [2],
    f'{{seen: {{between: {{from: "{SEEN}", to: "{SEEN}001"}}}}}}': [1],
    f'{{seen: {{in: ["{SEEN}789", "{SEEN}001"]}}}}': [1, 2],
    f'{{seen: {{notIn: ["{SEEN}789"]}}}}': [1],
    '{seen: {lt: "9999-01-01T00:00:00", gt: "0001-01-01T00:00:00"}}': [1, 2],
    '{seen: {gte: "9999-01-01T00:00:00"}}': [],
    '{seen: {ne: "9999-01-01T00:00:00"}}': [1, 2],
    "{seen: {last: {years: 1000}}}": [1, 2],
    '{at: {eq: "2026-01-01T00:00:00.123456000"}}': [1],
    '{at: {gte: "2026-01-01"}}': [1, 2],
}


@pytest.mark.parametrize("where", NANOS)
def test_a_time_is_compared_to_its_last_digit(shop: Asking, where: str) -> None:
    """However far away the other one is."""
    assert found(shop, where) == NANOS[where]


@pytest.mark.parametrize(("after", "earlier"), [("59.999999998", 4), ("59.999999999", None), ("59.9999", 4)])
def test_a_filter_is_moved_to_its_last_digit(shop: Asking, after: str, earlier: int | None) -> None:
    """What lies one nanosecond behind the moment then is counted, and nothing else."""
    where = f'{{seen: {{gt: "2026-01-01T00:01:{after}"}}}}'
    query = f"{{ moments(by: [MINUTE], where: {where}) {{ nodes {{ n previous(by: PERIOD) {{ n }} }} }} }}"
    (row,) = shop.data(query)["moments"]["nodes"]
    assert row == {"n": 4, "previous": earlier and {"n": earlier}}


# DuckDB truncates the last nanosecond of a minute to the next one, which begins at the microsecond next to it.
MINUTES = {
    '{seen: {lt: "2026-01-01T00:02:00.000000001"}}': [4, 4, 4],
    '{seen: {lt: "2026-01-01T00:01:00"}}': [4, 4],
    '{seen: {lt: "2026-01-01T00:01:00", gt: "2026-01-01T00:00:59.999999998"}}': [4],
    '{seen: {gte: "2026-01-01T00:00:00.000000001", lte: "2026-01-01T00:02:00"}}': [0, 4, 4],
    '{seen: {gt: "2026-01-01T00:00:59.9999"}, minute: {lte: "2026-01-01T00:03:00"}}': [0, 4, 4, 0],
}


@pytest.mark.parametrize("where", MINUTES)
def test_a_period_is_not_lost_to_a_nanosecond(shop: Asking, where: str) -> None:
    """Nor is one added for it."""
    query = f"{{ moments(by: [MINUTE], fill: true, where: {where}) {{ nodes {{ minute n }} }} }}"
    assert [row["n"] for row in shop.data(query)["moments"]["nodes"]] == MINUTES[where]


def test_a_unit_of_time_has_no_nanoseconds(shop: Asking) -> None:
    """Whatever it is a unit of."""
    where = '{year: {lt: "2026-01-01T00:00:00.000000001"}}'
    assert shop.refusal(f"{{ moments(where: {where}) {{ totalCount }} }}") == "BAD_USER_INPUT"


def test_a_measure_is_compared_to_its_last_digit(shop: Asking) -> None:
    """Of times and of decimals."""
    query = f'{{ groups(having: {{last: {{gt: "{SEEN}003"}}, amount: {{lt: "1e38"}}}}) {{ nodes {{ even last }} }} }}'
    assert shop.data(query)["groups"]["nodes"] == [{"even": True, "last": f"{SEEN}004"}]


def test_two_times_that_differ_in_nanoseconds_are_two_questions(shop: Asking) -> None:
    """So that a cursor of one is none of the other."""
    query = '{{ things(first: 1, where: {{seen: {{gte: "{seen}"}}}}{after}) {{ pageInfo {{ endCursor }} }} }}'
    cursor = shop.data(query.format(seen=f"{SEEN}001", after=""))["things"]["pageInfo"]["endCursor"]
    assert shop.refusal(query.format(seen=f"{SEEN}002", after=f', after: "{cursor}"')) == "BAD_USER_INPUT"


def test_nanoseconds_are_refused_where_a_column_has_none(shop: Asking) -> None:
    """They would be cut off."""
    assert shop.refusal(f'{{ things(where: {{at: {{lt: "{SEEN}789"}}}}) {{ totalCount }} }}') == "BAD_USER_INPUT"


FORMS = {
    "due": ["2026-W10", "20260301", "2026-3-1", "10000-12-31", "-0099-01-01", "0000-12-31"],
    "at": ["2026-W10-1T00:00:00", "20260301T000000", "2026-03-01T00", "2026-03-01T00:00:00Z", "2026-03-01T00:00:00,5"],
    "seen": [f"{SEEN}7891"],
    "clock": ["12:00:00+02:00", "120000", "12", "12:00:00.1234567"],
}


@pytest.mark.parametrize(("field", "text"), [(field, text) for field, texts in FORMS.items() for text in texts])
def test_only_the_forms_of_the_reference_are_taken(shop: Asking, field: str, text: str) -> None:
    """Others are refused, and the refusal says what is taken."""
    scalar = {"due": "Date", "clock": "Time"}.get(field, "LocalDateTime")
    query = f"query($value: {scalar}) {{ things(where: {{{field}: {{eq: $value}}}}) {{ totalCount }} }}"
    message = refused(shop, query, {"value": text})
    assert "like" in message
    assert ("years 1 to 9999" in message) == (field != "clock")


@pytest.mark.parametrize("value", [5, 1.5, True, [], "x"])
def test_what_is_no_uuid_is_told_what_one_is(shop: Asking, value: object) -> None:
    """In words of our own."""
    message = refused(
        shop, "query($value: UUID) { things(where: {uid: {eq: $value}}) { totalCount } }", {"value": value}
    )
    assert "UUID is 32 hexadecimal digits" in message


def refused(shop: Asking, query: str, variables: dict[str, Any]) -> str:
    """The words of the refusal of a question."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  the code is looked at
        shop.data(query, variables)
    assert getattr(caught.value, "extensions", {})["code"] == "BAD_USER_INPUT"
    return str(caught.value)


def test_a_text_with_a_nul_is_compared_like_others(shop: Asking) -> None:
    """A column can hold one."""
    assert found(shop, r'{word: {eq: "a\u0000b"}}') == [1] == found(shop, r'{word: {contains: "\u0000"}}')
    assert found(shop, r'{word: {ne: "a\u0000c"}}') == [1, 2]


def test_what_goes_beyond_its_type_is_refused_with_a_way_out(shop: Asking) -> None:
    """A sum of decimals that none has room for."""
    message = refused(shop, "{ sums { totals { total } } }", {})
    assert "cast it to a wider type" in message


HUGE = ["1e5000", "-1e5000", "9" * 5_000]


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("Int", "things(first: $v)"),
        ("BigInt", "moments(having: {n: {eq: $v}})"),
        ("Decimal", "things(where: {big: {eq: $v}})"),
        ("Float", "things(where: {ratio: {eq: $v}})"),
    ],
)
def test_a_number_beyond_its_type_is_refused_with_its_place(shop: Asking, kind: str, field: str, number: str) -> None:
    """As a literal and as a variable's value, which is named."""
    document = f"query ($v: {kind}) {{ {field} {{ totalCount }} }}"
    with pytest.raises(GraphQLError, match=r"\$v.*" + kind) as refused:
        shop.data(document, json_of(f'{{"v": {number}}}'))

    assert (refused.value.extensions or {})["code"] == BAD_INPUT
    assert refused.value.locations

    request = Request(document.replace("$v", number).replace(f"({number}: {kind})", ""), {})
    try:
        errors = answer(request, shop.reader, shop.settings.server, time.monotonic() + SECONDS).errors or []
    except GraphQLError as error:
        errors = [error]
    assert kind in errors[0].message
    assert errors[0].locations

"""Values that JSON or Python have no plain value for, in answers: given whole, in an answer that is JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from gql.local import ask_locally
from snapshot.events import nobody

from .tiny import Asking, asking, publish

DOCUMENTS = {
    "[1,2,]": b"[1,2]",
    '{"a": NaN, "b": -Infinity,}': b'{"a": null, "b": null}',
    "[nan, inf, -INF]": b"[null, null, null]",
    r'["NaN, ]\"Infinity,]", 1.10, NaN]': rb'["NaN, ]\"Infinity,]", 1.10, null]',
    "[12345678901234567890.1234567890123456789, 1e400]": b"[12345678901234567890.1234567890123456789, 1e400]",
}
MAPS = {
    "map {true: 1, false: 2}": {"true": 1, "false": 2},
    "map {1.5::double: 1, 'nan'::double: 2, 'inf'::double: 3, '-inf'::double: 4}": {
        "1.5": 1, "nan": 2, "inf": 3, "-inf": 4,
    },
    "map {[1, 2]: 1, [3]: 2}": {"[1,2]": 1, "[3]": 2},
    "map {{'a': 1}: 1, {'a': null}: 2}": {'{"a":1}': 1, '{"a":null}': 2},
    "map {9223372036854775807: 1}": {"9223372036854775807": 1},
    "map {1.50::decimal(3,2): 1}": {"1.50": 1},
    "map {date '2026-01-01': 1, date '10000-01-01': 2}": {"2026-01-01": 1, "10000-01-01": 2},
    "map {time '24:00:00': 1, time '23:59:59.999999': 2}": {"24:00:00": 1, "23:59:59.999999": 2},
    "map {map {1: 2}: 1}": {'{"1":2}': 1},
    "map {'key': [1], 'value': [2]}": {"key": [1], "value": [2]},
}  # fmt: skip
BEYOND = "select * from (values (date '10000-12-31', 1), (date '0100-01-01 (BC)', 2), (null, 3)) as v(day, id)"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """Documents as rows, maps as columns, dates beyond Python's."""
    folder: Path = tmp_path_factory.mktemp("shop")
    docs = ", ".join(f"('{text}'::json)" for text in DOCUMENTS)
    metrics = {
        "docs": f"select j, [j] as l, {{'j': j}} as s, map {{'j': j}} as m from (values {docs}) as v(j)",
        "maps": f"select {', '.join(f'{sql} as m{number}' for number, sql in enumerate(MAPS))}",
        "days": BEYOND,
    }
    with asking(publish(folder, metrics)) as found:
        yield found


@pytest.mark.parametrize("text", DOCUMENTS)
def test_json_of_a_column_is_json(shop: Asking, text: str) -> None:
    """To the last digit; what is no number is null. So within lists, objects and maps."""
    place = list(DOCUMENTS).index(text)
    row = orjson.dumps(shop.data("{ docs { nodes { j l s { j } m } } }")["docs"]["nodes"][place])
    said = DOCUMENTS[text]
    assert row == b'{"j":%b,"l":[%b],"s":{"j":%b},"m":{"j":%b}}' % (said, said, said, said)


def test_an_answer_in_this_process_keeps_all_digits(tmp_path: Path) -> None:
    """As JSON, and in a table."""
    (text,) = list(DOCUMENTS)[-1:]
    settings = publish(tmp_path, {"docs": f"select '{text}'::json as j"})
    answer = ask_locally(settings, "{ docs { nodes { j } } }", nobody)
    assert f'"j": {text}' in answer.text
    _, [[cell]] = answer.table(of_object=False) or ([], [[""]])
    assert str(cell) == text


@pytest.mark.parametrize("sql", MAPS)
def test_a_map_has_all_its_entries(shop: Asking, sql: str) -> None:
    """Each key is the text that DuckDB or JSON has for it."""
    field = f"m{list(MAPS).index(sql)}"
    assert shop.data(f"{{ maps {{ nodes {{ {field} }} }} }}")["maps"]["nodes"] == [{field: MAPS[sql]}]


def test_a_date_beyond_those_of_python_is_given_in_iso_8601(shop: Asking) -> None:
    """Before the year 1 there is the year 0."""
    days = [row["day"] for row in shop.data("{ days { nodes { day } } }")["days"]["nodes"]]
    assert days == ["10000-12-31", "-0099-01-01", None]

"""Column types of PostgreSQL and MariaDB, and what their values become."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Kept:
    """A column type: what it becomes, and what values written in SQL become."""

    kind: str
    values: dict[str, Any]


LONGEST = "9" * 36 + ".99"
SCRIPTS = "Zürich 日本語 👩‍🚀 שלום a''b\"c\\d"
SCRIPTS_READ = SCRIPTS.replace("''", "'")
POSTGRES_KEPT = {
    "smallint": Kept("SMALLINT", {"-32768": -(2**15), "32767": 2**15 - 1}),
    "integer": Kept("INTEGER", {"-2147483648": -(2**31), "2147483647": 2**31 - 1}),
    "bigint": Kept("BIGINT", {"-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1}),
    "numeric(10,2)": Kept("DECIMAL(10,2)", {"99999999.99": Decimal("99999999.99"), "-0.01": Decimal("-0.01")}),
    "numeric(38,2)": Kept("DECIMAL(38,2)", {LONGEST: Decimal(LONGEST), f"-{LONGEST}": Decimal(f"-{LONGEST}")}),
    "numeric(38,37)": Kept("DECIMAL(38,37)", {"1." + "0" * 36 + "1": Decimal("1." + "0" * 36 + "1")}),
    "real": Kept("FLOAT", {"1.5": 1.5, "'-Infinity'": -math.inf}),
    "double precision": Kept("DOUBLE", {"0.1": 0.1, "1e308": 1e308, "5e-324": 5e-324, "'Infinity'": math.inf}),
    "text": Kept("VARCHAR", {"''": "", f"'{SCRIPTS}'": SCRIPTS_READ, "repeat('x', 100000)": "x" * 100_000}),
    "varchar(9)": Kept("VARCHAR", {"' space '": " space ", "'NULL'": "NULL"}),
    "char(5)": Kept("VARCHAR", {"'ab'": "ab"}),
    "mood": Kept("VARCHAR", {"'so so'": "so so"}),
    "positive": Kept("BIGINT", {"7": 7}),
    "money_of_ours": Kept("DECIMAL(10,2)", {"-12345678.90": Decimal("-12345678.90")}),
    "moment": Kept("TIMESTAMPTZ", {"'2026-03-29 03:30:00.5+02'": datetime(2026, 3, 29, 1, 30, 0, 500000, UTC)}),
    "boolean": Kept("BOOLEAN", {"true": True, "false": False}),
    "bytea": Kept("BLOB", {r"'\x00ff'": b"\x00\xff", "''": b""}),
    "date": Kept("DATE", {"'0001-01-01'": date.min, "'9999-12-31'": date.max}),
    "timestamp": Kept(
        "TIMESTAMP",
        {
            "'1969-12-31 23:59:59.999999'": datetime(1969, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001
            "'0001-01-01'": datetime.min,  # noqa: DTZ901
            "'9999-12-31 23:59:59.999999'": datetime.max,  # noqa: DTZ901
        },
    ),
    "timestamptz": Kept("TIMESTAMPTZ", {"'2026-03-29 03:30:00+02'": datetime(2026, 3, 29, 1, 30, tzinfo=UTC)}),
    "time": Kept("TIME", {"'23:59:59.999999'": time.max, "'00:00'": time.min}),
    "interval": Kept(
        "INTERVAL",
        {
            "'1 day 02:03:04'": timedelta(days=1, hours=2, minutes=3, seconds=4),
            "'-3 days +04:05:06.789'": timedelta(days=-3, hours=4, minutes=5, seconds=6, milliseconds=789),
        },
    ),
    "uuid": Kept("UUID", {"'6f1c5e0a-9f39-4d6e-8c3a-0b6a4a1f2e3d'": UUID("6f1c5e0a-9f39-4d6e-8c3a-0b6a4a1f2e3d")}),
    "json": Kept("JSON", {"'{\"a\": [1, null]}'": '{"a": [1, null]}', "'null'": "null"}),
    "jsonb": Kept("JSON", {'\'{"b":1,"a":2}\'': '{"a": 2, "b": 1}'}),
    "bit(4)": Kept("BIT", {"B'0101'": "0101"}),
    "oid": Kept("UINTEGER", {"4294967295": 2**32 - 1}),
    "integer[]": Kept("INTEGER[]", {"'{1,NULL,-3}'": [1, None, -3], "'{}'": []}),
    "text[]": Kept("VARCHAR[]", {"array['a,b', 'c\"d', '']": ["a,b", 'c"d', ""]}),
    "numeric(10,2)[]": Kept("DECIMAL(10,2)[]", {"'{1.5,-0.01}'": [Decimal("1.50"), Decimal("-0.01")]}),
    "numeric(38,2)[]": Kept("DECIMAL(38,2)[]", {f"array[{LONGEST}]": [Decimal(LONGEST)]}),
    "boolean[]": Kept("BOOLEAN[]", {"'{t,f}'": [True, False]}),
    "mood[]": Kept("VARCHAR[]", {"'{\"so so\"}'": ["so so"]}),
}
MYSQL_KEPT = {
    "tinyint": Kept("TINYINT", {"-128": -128, "127": 127}),
    "tinyint unsigned": Kept("UTINYINT", {"255": 255}),
    "smallint unsigned": Kept("USMALLINT", {"65535": 65535}),
    "mediumint": Kept("INTEGER", {"-8388608": -8388608}),
    "int unsigned": Kept("UINTEGER", {"4294967295": 2**32 - 1}),
    "bigint": Kept("BIGINT", {"-9223372036854775808": -(2**63), "9223372036854775807": 2**63 - 1}),
    "bigint unsigned": Kept("UBIGINT", {"18446744073709551615": 2**64 - 1}),
    "tinyint(1)": Kept("BOOLEAN", {"0": False, "1": True}),
    "bit(1)": Kept("BOOLEAN", {"b'0'": False, "b'1'": True}),
    "bit(12)": Kept("UBIGINT", {"b'101'": 5}),
    "decimal(10,2)": Kept("DECIMAL(10,2)", {"99999999.99": Decimal("99999999.99"), "-0.01": Decimal("-0.01")}),
    "decimal(38,2)": Kept("DECIMAL(38,2)", {LONGEST: Decimal(LONGEST)}),
    "float": Kept("FLOAT", {"0.1": 0.10000000149011612, "16777215": 16777215.0}),
    "double": Kept("DOUBLE", {"0.1": 0.1, "1.7976931348623157e308": 1.7976931348623157e308, "5e-324": 5e-324}),
    "date": Kept("DATE", {"'1000-01-01'": date(1000, 1, 1), "'9999-12-31'": date.max}),
    "datetime(6)": Kept("TIMESTAMP", {"'1969-12-31 23:59:59.999999'": datetime(1969, 12, 31, 23, 59, 59, 999999)}),  # noqa: DTZ001
    "timestamp(6) null": Kept("TIMESTAMPTZ", {"'2026-03-29 03:30:00.5'": datetime(2026, 3, 29, 3, 30, 0, 500000, UTC)}),
    "time(6)": Kept("TIME", {"'23:59:59.999999'": time.max}),
    "year": Kept("SMALLINT", {"1901": 1901, "2155": 2155}),
    "char(5)": Kept("VARCHAR", {"'ab'": "ab"}),
    "varchar(99)": Kept("VARCHAR", {"' space '": " space ", f"'{SCRIPTS}'".replace("\\", "\\\\"): SCRIPTS_READ}),
    "varchar(9) character set latin1": Kept("VARCHAR", {"'Zürich'": "Zürich"}),
    "longtext": Kept("VARCHAR", {"repeat('x', 100000)": "x" * 100_000}),
    "blob": Kept("BLOB", {"x'00ff'": b"\x00\xff", "''": b""}),
    "varbinary(4)": Kept("BLOB", {"x'00'": b"\x00"}),
    "enum('a','b c')": Kept("VARCHAR", {"'b c'": "b c"}),
    "set('x','y')": Kept("VARCHAR", {"'x,y'": "x,y", "''": ""}),
    "uuid": Kept("UUID", {"'6f1c5e0a-9f39-4d6e-8c3a-0b6a4a1f2e3d'": UUID("6f1c5e0a-9f39-4d6e-8c3a-0b6a4a1f2e3d")}),
}
POSTGRES_TYPES = (
    "create type mood as enum ('ok', 'so so')",
    "create domain positive as bigint check (value > 0)",
    "create domain money_of_ours as numeric(10,2)",
    "create domain moment as timestamp(3) with time zone",
    "create domain hour as time(3) with time zone",
)

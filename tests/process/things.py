"""A table that has one column of every scalar, three rows of values that grow, and one of nulls."""

from __future__ import annotations

from pathlib import Path

from .shops import make_project, publish

TABLE = """
create table things (id integer primary key, word text, big integer, exact decimal(10, 2), ratio double, day date,
    moment datetime, clock time, flag boolean, instant text, uid text, raw blob);
insert into things values
    (1, 'alpha', 10, 1.10, 0.5, '2026-01-01', '2026-01-01 10:00:00', '08:00:00', 0, '2026-01-01 10:00:00+00',
        '00000000-0000-0000-0000-000000000001', x'01'),
    (2, 'beta', 20, 2.20, 1.5, '2026-01-02', '2026-01-02 10:00:00', '09:00:00', 1, '2026-01-02 10:00:00+00',
        '00000000-0000-0000-0000-000000000002', x'02'),
    (3, 'gamma', 30, 3.30, 2.5, '2026-01-03', '2026-01-03 10:00:00', '10:00:00', 1, '2026-01-03 10:00:00+00',
        '00000000-0000-0000-0000-000000000003', x'03'),
    (4, null, null, null, null, null, null, null, null, null, null, null);
"""
METRIC = """
    -- @key id
    select id, word, big, big::integer as small, exact, ratio, day, moment, clock, flag,
        instant::timestamptz as instant, uid::uuid as uid, raw, json_object('word', word) as doc, [big, id] as list
    from shop.things"""
# What hostile or careless people type, and what a search for it finds: nothing but itself.
HOSTILE = (
    "' OR 1=1 --", "'; drop table things; --", '"', "''", "%", "_", "a%b_c", "\\", "$1", "?", "{column}", "null",
    "https://example.com/?a=1&b=2", "/etc/passwd", "../../etc/passwd", "snapshot", "\N{ROMAN NUMERAL ONE}\t\n\r", "🦆",
)  # fmt: skip

# Field -> three values in GraphQL, in growing order, as rows 1 to 3 have them.
ORDERED = {
    "word": ('"alpha"', '"beta"', '"gamma"'),
    "big": ("10", "20", "30"),
    "small": ("10", "20", "30"),
    "exact": ('"1.10"', "2.2", '"3.300"'),
    "ratio": ("0.5", "1.5", "2.5"),
    "day": ('"2026-01-01"', '"2026-01-02"', '"2026-01-03"'),
    "moment": ('"2026-01-01T10:00:00"', '"2026-01-02T10:00:00"', '"2026-01-03T10:00:00"'),
    "instant": ('"2026-01-01T10:00:00Z"', '"2026-01-02T12:00:00+02:00"', '"2026-01-03T05:00:00-05:00"'),
    "clock": ('"08:00:00"', '"09:00"', '"10:00:00"'),
}


def make_things(root: Path) -> Path:
    """The project, published."""
    rows = ", ".join(f"({number}, '{text.replace(chr(39), chr(39) * 2)}')" for number, text in enumerate(HOSTILE))
    words = f"create table words (id integer primary key, word text not null); insert into words values {rows};"
    metrics = {"things": METRIC, "words": "-- @key word\nselect id, word from shop.words"}
    publish(make_project(root, TABLE + words, metrics))
    return root

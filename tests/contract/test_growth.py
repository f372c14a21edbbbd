"""The file of a refresh that copies the last one and changes it, beside that of a rebuild from nothing."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy

from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.build import refresh
from snapshot.events import nobody
from snapshot.export import copying
from snapshot.settings import Settings
from snapshot.store import Generation, Store, locked
from tests.servers import run, written

from .sources import check, make_project, rows, run_sqlite

ROWS = 2_500_000
PAPERS = (
    "create table papers (id integer primary key, page bigint not null, day date not null)",
    f"""insert into papers select i, hashint8(i)::bigint * hashint8(i + 1), date '2026-01-01' + i % 50
    from generate_series(1, {ROWS}) i""",
)
SETTINGS = '[sources.shop]\nurl = "{url}"\n[sources.shop.tables.papers]\ncolumns = ["page"]\n'
DAILY = "select day, count(*) as papers from shop.papers group by all"
# What is changed before each refresh, in hundredths of the rows; and whether it is made from a copy.
HISTORY = ((2, True), (3, True), (15, False), (30, False))  # the last is read as a whole


@pytest.fixture
def papers(postgres: sqlalchemy.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A project over a table of some megabytes, which are large for once."""
    monkeypatch.setattr(copying, "COPIED", 0)
    run(postgres, *PAPERS)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "daily.sql").write_text(DAILY)
    (tmp_path / "pacelayer.toml").write_text(SETTINGS.format(url=written(postgres)))
    check(tmp_path)
    return project_settings.load(tmp_path)


def again(settings: Settings, *, full: bool = False) -> Generation:
    """Another refresh."""
    definition, sources = projects.load(settings)
    with locked(settings.directory):
        return refresh(definition, sources, Store(settings.directory, keep=2), nobody, full=full)


def has_lost_rows(file: Path, table: str) -> bool:
    """Whether rows that are gone from a table are still in its file, as in one that was copied and changed."""
    written = f"select sum(count) from pragma_storage_info('{table}') where column_path = '[0]'"
    return rows(file, f"select ({written}) > count(*) from {table}") == [(True,)]


def test_a_file_never_outgrows_a_rebuilt_one_by_more_than_a_fifth(papers: Settings, postgres: sqlalchemy.URL) -> None:
    """However much changed at once, or little by little; and what changed a little is not written from nothing."""
    again(papers)
    rebuilt = replace(papers, snapshots=replace(papers.snapshots, path="rebuilt"))
    for share, copied in HISTORY:
        run(postgres, f"update papers set page = page + 1 where id % 100 < {share}")
        generation, whole = again(papers), again(rebuilt, full=True)
        assert has_lost_rows(generation.path, "shop.papers") is copied
        assert generation.path.stat().st_size <= 1.2 * whole.path.stat().st_size
        content = "select count(*), sum(hash(papers)) from shop.papers"
        assert rows(generation.path, content) == rows(whole.path, content)


def test_a_file_does_not_outgrow_one_of_fewer_rows(
    postgres: sqlalchemy.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that are deleted would leave holes in a copy, and a rebuilt file is without them."""
    monkeypatch.setattr(copying, "COPIED", 0)
    (tmp_path / "metrics").mkdir()
    for name in "abcde":
        run(postgres, f"create table {name} (id bigint primary key, day date, note text)")
        row = "i, date '2026-01-01' + i % 300, md5(i::text)"
        run(postgres, f"insert into {name} select {row} from generate_series(1, 200000) i")
        (tmp_path / "metrics" / f"daily_{name}.sql").write_text(
            f"select day, count(*) as n, max(note) as note from shop.{name} group by all"
        )
    (tmp_path / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(postgres)}"\n')
    check(tmp_path)
    settings = project_settings.load(tmp_path)
    rebuilt = replace(settings, snapshots=replace(settings.snapshots, path="rebuilt"))
    again(settings)
    for name in "ab":
        run(postgres, f"delete from {name} where id % 2 = 0")
        assert again(settings).path.stat().st_size <= 1.2 * again(rebuilt, full=True).path.stat().st_size


# A table each, and what becomes of its rows before each refresh: none of them is told by how many rows change.
NUMBERS = "nmopqr"
UNEVEN = {
    "numbers that are among zeros": (
        "id bigint primary key, day date, " + ", ".join(f"{name} bigint" for name in NUMBERS),
        "i, date '2026-01-01' + i % 300, "
        + ", ".join(
            f"case when i % 20 = 3 then hashint8(i)::bigint * hashint8(i + {ord(n)}) else 0 end" for n in NUMBERS
        ),
        [f"update d set {', '.join(f'{name} = 0' for name in NUMBERS)} where id % 20 = 3"],
    ),
    "texts as long as before": (
        "id bigint primary key, day date, text text",
        """i, date '2026-01-01' + i % 300, case when i % 10 <> 3 then repeat('x', 640)
            else (select string_agg(md5((i + j)::text), '') from generate_series(1, 20) j) end""",
        ["update d set text = repeat('x', 640) where id % 20 = 3"],
    ),
    "rows without an order of their keys": (
        "id uuid primary key, day date, a timestamp, b timestamp, c timestamp",
        "md5(i::text)::uuid, date '2026-01-01' + i / 10000, "
        + ", ".join(f"timestamp '2026-01-01' + interval '1 second' * (i + {n})" for n in range(3)),
        [f"update d set day = day + 1 where extract(second from a)::int % 10 = {n}" for n in range(4)],
    ),
}


@pytest.mark.parametrize("copied", [0, 10**9])
@pytest.mark.parametrize("what", UNEVEN)
def test_a_file_does_not_outgrow_one_that_packs_better(
    postgres: sqlalchemy.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, copied: int
) -> None:
    """Begun as a copy or from nothing."""
    monkeypatch.setattr(copying, "COPIED", copied)
    columns, row, changes = UNEVEN[what]
    run(postgres, f"create table d ({columns})", f"insert into d select {row} from generate_series(1, 400000) i")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "d.sql").write_text("select day, count(*) as n from shop.d group by all")
    extra = ", ".join(f'"{column.split()[0]}"' for column in columns.split(", ")[2:])
    (tmp_path / "pacelayer.toml").write_text(
        f'[sources.shop]\nurl = "{written(postgres)}"\n[sources.shop.tables.d]\ncolumns = [{extra}]\n'
    )
    check(tmp_path)
    settings = project_settings.load(tmp_path)
    rebuilt = replace(settings, snapshots=replace(settings.snapshots, path="rebuilt"))
    again(settings)
    for change in changes:
        run(postgres, change)
        generation, whole = again(settings), again(rebuilt, full=True)
        assert generation.path.stat().st_size <= 1.2 * whole.path.stat().st_size
        content = "select count(*), sum(hash(d)) from shop.d"
        assert rows(generation.path, content) == rows(whole.path, content)


# Tables of SQLite, whose rows are in the order of their keys or in that in which they came.
KEYS = ("integer primary key", "text primary key", "text, primary key (id)) without rowid")
SEEN = '[sources.shop.tables.d]\nchanged = "seen"\noverlap = "1s"\ncolumns = ["a", "b", "c", "note"]\n'
CHANGES = """
update d set day = date(day, '1 day'), seen = '2026-02-0{day}' where substr(a, 18) % 12 = {day};
delete from d where substr(a, 18) = '0{day}' and a < '2026-02-01';
insert into d select {value}, '2026-03-01', a, b, c, note, '2026-02-0{day}' from d limit 9;
"""


@pytest.mark.parametrize("copied", [0, 10**9])
@pytest.mark.parametrize("key", KEYS)
def test_rows_stay_in_the_order_that_the_source_has_them_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, copied: int
) -> None:
    """In another one they would take more."""
    monkeypatch.setattr(copying, "COPIED", copied)
    kind, _, more = key.partition(",")
    first, value = ("i", "null") if "integer" in key else ("lower(hex(randomblob(8)))",) * 2
    times = ", ".join("datetime(1767225600 + i * 60 + abs(random()) % 60, 'unixepoch')" for _ in range(3))
    script = f"""create table d (
        id {kind} not null, day date not null, a datetime, b datetime, c datetime, note text, seen datetime not null
        {"," + more if more else ")"};
    insert into d with recursive n(i) as (select 1 union all select i + 1 from n where i < 120000)
        select {first}, date('2026-01-01', (i / 5000) || ' days'), {times}, lower(hex(randomblob(12))),
        datetime(1767225600 + i, 'unixepoch')
        from n;"""
    daily = {"daily": "select day, count(*) as n, max(seen) as seen from shop.d group by all"}
    project = make_project(tmp_path / "shop", script, daily, SEEN)
    settings = project_settings.load(project)
    rebuilt = replace(settings, snapshots=replace(settings.snapshots, path="rebuilt"))
    again(settings)
    for day in range(2, 5):
        run_sqlite(project, CHANGES.format(day=day, value=value))
        generation, whole = again(settings), again(rebuilt, full=True)
        assert generation.path.stat().st_size <= 1.2 * whole.path.stat().st_size
        in_order = "select count(*), sum(hash(d)), md5(string_agg(id, ' ' order by rowid)) from shop.d"
        order = slice(None) if copied or "text primary" in key else slice(2)
        assert rows(generation.path, in_order)[0][order] == rows(whole.path, in_order)[0][order]
        mode = f"select mode from pacelayer.builds where number = {generation.number} and kind = 'table'"
        assert rows(generation.path, mode) == [("delta",)]


@pytest.mark.parametrize("hidden", ["", "private = true\n"])
@pytest.mark.parametrize("copied", [0, 10**9])
def test_rows_that_stay_beside_each_other_in_the_source_do_not_outgrow_a_rebuilt_file(
    postgres: sqlalchemy.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: int, hidden: str
) -> None:
    """PostgreSQL puts a row that changed into the room that its page has, if any: no snapshot can tell."""
    monkeypatch.setattr(copying, "COPIED", copied)
    text = " || ".join(f"md5((i / 20 + {n})::text)" for n in range(9))
    run(
        postgres,
        "create table d (id bigint primary key, acct int, text text, n int) with (fillfactor = 50)",
        f"insert into d select i, i / 20, {text}, 0 from generate_series(1, 300000) i",
    )
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "d.sql").write_text(
        "select acct % 10 as a, sum(n) as n, max(text) as t from shop.d group by all"
    )
    (tmp_path / "pacelayer.toml").write_text(
        f'[sources.shop]\nurl = "{written(postgres)}"\n[sources.shop.tables.d]\n{hidden}'
    )
    check(tmp_path)
    settings = project_settings.load(tmp_path)
    rebuilt = replace(settings, snapshots=replace(settings.snapshots, path="rebuilt"))
    again(settings)
    modes = []
    for part in range(3):
        run(postgres, f"update d set n = n + 1 where hashint8(id) % 10 = {part}", "vacuum d")
        generation, whole = again(settings), again(rebuilt, full=True)
        if hidden:
            stores = Store(settings.directory, keep=2), Store(rebuilt.directory, keep=2)
            files = [store.private(g.number) for store, g in zip(stores, (generation, whole), strict=True)]
        else:
            files = [generation.path, whole.path]
        assert files[0].stat().st_size <= 1.2 * files[1].stat().st_size
        content = "select count(*), sum(hash(d)) from shop.d"
        assert rows(files[0], content) == rows(files[1], content)
        assert rows(generation.path, "from d order by all") == rows(whole.path, "from d order by all")
        sql = f"select mode from pacelayer.builds where number = {generation.number} and kind = 'table'"
        modes += rows(generation.path, sql)
    assert ("full",) in modes


ALIKE = " || ".join(f"md5(({{i}} / 20 + {n})::text)" for n in range(4))
UNLIKE = " || ".join(f"md5((i + {n}00000)::text)" for n in range(4))
COUNTED = "update d set n = n + 1 where hashint8(seq) % 10 = {part}"
# Small tables: the first texts of their rows, their keys, and what is changed before each refresh.
SMALL = {
    "rows that stay beside each other": (ALIKE.format(i="i"), "i", [COUNTED]),
    "and light ones that come": (
        ALIKE.format(i="i"),
        "i",
        [COUNTED, "insert into d select i, i, null, 0, 'x' from generate_series(1{part}00000, 1{part}50000) i"],
    ),
    "texts that become alike": (UNLIKE, "i", [f"update d set text = {ALIKE.format(i='seq')} where seq % 8 = {{part}}"]),
    "texts that become alike, with random keys": (
        UNLIKE,
        "hashint8(i)::bigint * hashint8(i + 1)",
        [f"update d set text = {ALIKE.format(i='seq')} where seq % 8 = {{part}}"],
    ),
}


@pytest.mark.parametrize("what", SMALL)
def test_a_small_file_does_not_outgrow_a_rebuilt_one_either(
    postgres: sqlalchemy.URL, tmp_path: Path, what: str
) -> None:
    """In which a block is much; and what rows should take becomes less."""
    text, key, changes = SMALL[what]
    run(
        postgres,
        "create table d (id bigint primary key, seq int, came timestamp, n int, text text) with (fillfactor = 50)",
        f"insert into d select {key}, i, timestamp '2026-01-01' + interval '1 second' * i, 0, {text} "
        "from generate_series(1, 100000) i",
    )
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "d.sql").write_text(
        "select hour(came) as hour, sum(n) as n, max(text) as t from shop.d group by all"
    )
    (tmp_path / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(postgres)}"\n')
    check(tmp_path)
    settings = project_settings.load(tmp_path)
    rebuilt = replace(settings, snapshots=replace(settings.snapshots, path="rebuilt"))
    again(settings)
    for part in range(6):
        run(postgres, *(change.format(part=part) for change in changes), "vacuum d")
        generation, whole = again(settings), again(rebuilt, full=True)
        assert generation.path.stat().st_size <= 1.2 * whole.path.stat().st_size
        content = "select count(*), sum(hash(d)) from shop.d"
        assert rows(generation.path, content) == rows(whole.path, content)


BODIES = """create table d (id integer primary key, body text, seen datetime not null);
insert into d with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
    select i, replace(hex(zeroblob(2300)), '00', '0123'), datetime(1767225600 - i, 'unixepoch') from n;"""


@pytest.mark.parametrize(("overlap", "mode"), [("1s", "delta"), ("2d", "full")])
def test_rows_too_long_for_the_memory_are_not_sorted_nor_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overlap: str, mode: str
) -> None:
    """Texts that pack well take little of a file, and much of the memory."""
    monkeypatch.setattr(sys.modules["snapshot.export.export"], "JOINING", 60 * 2**20)
    bodies = {"bodies": "select count(*) as n, max(length(body)) as l, max(seen) as seen from shop.d"}
    changed = f'[sources.shop.tables.d]\nchanged = "seen"\noverlap = "{overlap}"\n'
    project = make_project(tmp_path / "shop", BODIES, bodies, changed)
    settings = project_settings.load(project)
    again(settings)
    run_sqlite(project, "update d set body = null, seen = '2026-01-02' where id <= 10")
    generation = again(settings)
    assert rows(generation.path, "select count(*), count(body), sum(id) from shop.d") == [(40000, 39990, 800020000)]
    assert rows(generation.path, "select mode from pacelayer.builds where number = 2 and kind = 'table'") == [(mode,)]


# What a table of long texts has as well, and what becomes of them before each refresh.
SHORTER = {
    "of one row in twelve": ("", [f"update letters set text = '' where id % 12 = {part}" for part in range(4)]),
    "of the few rows that are long": (
        "update letters set text = repeat(md5(id::text), 60) where id % 200 = 0",
        ["update letters set text = 'x' where id % 200 = 0"],
    ),
}


# Two files with the same answers to these have the same in them.
CONTENTS = (
    "select count(*), sum(hash(letters)) from shop.letters",
    "from daily order by all",
    "from secrets",
    "from pacelayer.grains select * exclude computed_at order by all",
    "select schema_name, table_name, column_name, data_type, is_nullable, comment from duckdb_columns() order by all",
    "select schema_name, view_name, sql, comment from duckdb_views() order by all",
    "select schema_name, table_name, comment from duckdb_tables() order by all",
)


@pytest.mark.parametrize("what", SHORTER)
def test_a_file_does_not_outgrow_one_of_shorter_values(
    postgres: sqlalchemy.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The long ones are still in a copy of it, and it grows more than is foreseen once DuckDB joins what is left."""
    monkeypatch.setattr(copying, "COPIED", 0)
    first, changes = SHORTER[what]
    run(postgres, "create table letters (id bigint primary key, day date, text text)")
    row = "i, date '2026-01-01' + i % 300, md5(i::text)"
    run(postgres, f"insert into letters select {row} from generate_series(1, 500000) i", *filter(None, [first]))
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "daily.sql").write_text(
        "select day, count(*) as letters, max(text) as last, max(id) as id from shop.letters group by all"
    )
    run(postgres, "create table secrets as select 0 as code")
    (tmp_path / "metrics" / "secrets.sql").write_text("select sum(code) as codes from shop.secrets")
    hidden = "[sources.shop.tables.secrets]\nprivate = true\n"
    (tmp_path / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(postgres)}"\n{hidden}')
    check(tmp_path)
    settings = project_settings.load(tmp_path)
    rebuilt = replace(settings, snapshots=replace(settings.snapshots, path="rebuilt"))
    again(settings)
    for change in changes:
        run(postgres, change, "insert into secrets values (1)")
        generation, whole = again(settings), again(rebuilt, full=True)
        assert generation.path.stat().st_size <= 1.2 * whole.path.stat().st_size
        for content in CONTENTS:
            assert rows(generation.path, content) == rows(whole.path, content)


def test_the_file_of_private_tables_is_measured_by_itself(
    postgres: sqlalchemy.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is copied beside a snapshot that is small, and outgrows a rebuilt one by no more than a fifth either."""
    monkeypatch.setattr(copying, "COPIED", 2**22)
    run(postgres, "create table p (id bigint primary key, note text)")
    run(postgres, "insert into p select i, md5(i::text) from generate_series(1, 500000) i")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "p.sql").write_text("select count(*) as n, max(note) as note from shop.p")
    hidden = "[sources.shop.tables.p]\nprivate = true\n"
    (tmp_path / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(postgres)}"\n{hidden}')
    check(tmp_path)
    settings = project_settings.load(tmp_path)
    rebuilt = replace(settings, snapshots=replace(settings.snapshots, path="rebuilt"))
    again(settings)
    copied = []
    for part in range(4):
        run(postgres, f"update p set note = md5(note) where id % 12 = {part}")
        generations = again(settings), again(rebuilt, full=True)
        stores = Store(settings.directory, keep=2), Store(rebuilt.directory, keep=2)
        files = [store.private(g.number) for store, g in zip(stores, generations, strict=True)]
        assert files[0].stat().st_size <= 1.2 * files[1].stat().st_size
        for place, content in (
            (files, "select count(*), sum(hash(p)) from shop.p"),
            ([g.path for g in generations], "from p"),
        ):
            assert rows(place[0], content) == rows(place[1], content)
        copied.append(has_lost_rows(files[0], "shop.p"))
    assert True in copied


LABELLED = "-- @key id\nselect i.id, i.note, t.label from shop.items i left join shop.tags t on t.cat = i.cat"
LONG = """-- @key id
select i.id, repeat(i.note || md5(i.note), 4) as long, t.label
from shop.items i join shop.tags t on t.cat = i.cat where i.id <= 30000"""
# A metric that makes a large part of the file, and what is changed before each refresh.
LARGE = {
    "in full": (LABELLED, "update tags set label = label || 'x' where cat = 1"),
    "in full, of a private table": (LABELLED, "update tags set label = label || 'x' where cat = 1"),
    "by periods": (
        "-- @rollup day\nselect day, id, note, count(*) as n from shop.items group by all",
        "update items set note = note || 'x' where id = 2",
    ),
    "with the clock": (
        "-- @key i\nselect i, md5(i::varchar || now()::varchar) as h from range(300000) t(i)",
        "update tags set label = label || 'x'",
    ),
    "with another description": (LABELLED, ""),
    "of long values beside a table of many short ones": (LONG, "update tags set label = label || 'x' where cat = 1"),
}


@pytest.mark.parametrize("how", LARGE)
def test_a_metric_that_is_written_anew_leaves_no_hole_of_its_size(
    postgres: sqlalchemy.URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Its last one is in a copy, too."""
    monkeypatch.setattr(copying, "COPIED", 0)
    sql, change = LARGE[how]
    run(postgres, "create table tags (cat int primary key, label text)", "insert into tags values (0, 'a'), (1, 'b')")
    run(postgres, "create table items (id int primary key, cat int, day date, note text)")
    run(
        postgres,
        "insert into items select i, i % 2, date '2026-01-01' + i % 2, md5(i::text) from generate_series(1, 300000) i",
    )
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "large.sql").write_text(sql)
    (tmp_path / "metrics" / "tagged.sql").write_text("select count(*) as tags from shop.tags")
    if "short" in how:
        run(postgres, "create table nums as select i as v from generate_series(1, 1500000) i")
        (tmp_path / "metrics" / "nums.sql").write_text("select sum(v) as v from shop.nums")
    hidden = "[sources.shop.tables.items]\nprivate = true\n" if "private" in how else ""
    (tmp_path / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(postgres)}"\n{hidden}')
    check(tmp_path)
    settings = project_settings.load(tmp_path)
    full = again(settings).path.stat().st_size
    for number in range(3):
        if change:
            run(postgres, change)
        else:
            (tmp_path / "metrics" / "large.sql").write_text(f"-- The description number {number}.\n{sql}")
        assert again(settings).path.stat().st_size <= 1.2 * full

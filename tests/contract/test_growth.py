"""The file of a refresh that copies the last one and changes it, beside that of a rebuild from nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy

from snapshot import project as projects
from snapshot import settings as project_settings
from snapshot.build import refresh
from snapshot.events import nobody
from snapshot.export import copying
from snapshot.reader import read_catalog
from snapshot.settings import Settings
from snapshot.store import Generation, Store, locked
from tests.servers import run, written

from .sources import check, rows

ROWS = 2_500_000
PAPERS = (
    "create table papers (id integer primary key, page bigint not null, day date not null)",
    f"""insert into papers select i, hashint8(i)::bigint * hashint8(i + 1), date '2026-01-01' + i % 50
    from generate_series(1, {ROWS}) i""",
)
SETTINGS = '[sources.shop]\nurl = "{url}"\n[sources.shop.tables.papers]\ncolumns = ["page"]\n'
DAILY = "select day, count(*) as papers from shop.papers group by all"
# What is changed before each refresh, in hundredths of the rows; and whether it is made from a copy.
HISTORY = ((2, True), (5, True), (15, False), (30, False))  # the last is read as a whole


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


def test_a_file_never_outgrows_a_rebuilt_one_by_more_than_a_fifth(papers: Settings, postgres: sqlalchemy.URL) -> None:
    """However much changed at once, or little by little; and what changed a little is not written from nothing."""
    again(papers)
    rebuilt = replace(papers, snapshots=replace(papers.snapshots, path="rebuilt"))
    for share, copied in HISTORY:
        run(postgres, f"update papers set page = page + 1 where id % 100 < {share}")
        generation, whole = again(papers), again(rebuilt, full=True)
        assert (read_catalog(generation.path).tables[0].compact_bytes > 0) is copied
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


def test_rows_too_long_to_be_sorted_are_written_as_they_are(postgres: sqlalchemy.URL, tmp_path: Path) -> None:
    """Texts that pack well take little of a file, and much of the memory that they are sorted in."""
    run(postgres, "create table mails (id bigint primary key, body text)")
    run(postgres, "insert into mails select i, repeat('0123456789', 465) from generate_series(1, 100000) i")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "mails.sql").write_text("select count(*) as n, max(length(body)) as l from shop.mails")
    (tmp_path / "pacelayer.toml").write_text(f'[sources.shop]\nurl = "{written(postgres)}"\n')
    check(tmp_path)
    settings = project_settings.load(tmp_path)
    again(settings)
    run(postgres, "update mails set body = null where id <= 10")
    generation = again(settings)
    assert rows(generation.path, "select count(*), count(body), sum(id) from shop.mails") == [
        (100000, 99990, 5000050000)
    ]


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
        copied.append(read_catalog(generations[0].path).tables[0].compact_bytes > 0)
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

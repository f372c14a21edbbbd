"""Which transactions a read has seen the end of, and what the others wrote: exact, however late they commit."""

from __future__ import annotations

import adbc_driver_manager as adbc

from ...catalog import literal
from .statements import fetch

# The cluster, the database, the table's file and its definition, and the first transaction that was not over when the
# snapshot was taken. Only what has its rows itself, and shows all of them, says of each which transaction wrote it. A
# definition can change without a row being written: by its columns, their defaults for older rows, and the names of
# enums, also of those that domains, arrays, ranges and composite types are made of. So can the text of a `regclass`.
_HORIZON = """
with recursive types(oid) as (
    select a.atttypid from pg_attribute a where a.attrelid = {place}::regclass and a.attnum > 0
    union
    select part.oid from types join pg_type t on t.oid = types.oid, lateral (
        select t.typelem union all select t.typbasetype
        union all select r.rngsubtype from pg_range r where r.rngtypid = t.oid
        union all select a.atttypid from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0
    ) as part(oid) where part.oid <> 0),
definition(line) as (
    select concat('column ', a.attrelid, ' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.xmin) from pg_attribute a
    where a.attnum > 0 and (a.attrelid = {place}::regclass or a.attrelid in (
        select t.typrelid from types join pg_type t on t.oid = types.oid where t.typrelid <> 0))
    union all select concat('label ', e.oid, e.enumlabel) from types join pg_enum e on e.enumtypid = types.oid)
select case when c.relkind in ('r', 'm') and not c.relhassubclass and has_table_privilege(c.oid, 'SELECT')
    and not row_security_active(c.oid)
    and not exists (
        select 1 from types join pg_type t on t.oid = types.oid where t.typname like 'reg%' and t.oid < 16384)
then (select system_identifier from pg_control_system()) || '-'
    || (select oid from pg_database where datname = current_database()) || '-' || c.oid || '-'
    || pg_relation_filenode(c.oid) || '-'
    || md5((select string_agg(line, ';' order by line) from definition))
    || '.' || txid_snapshot_xmin(txid_current_snapshot()) end as horizon
from pg_class c where c.oid = {place}::regclass"""
# Beyond, PostgreSQL cannot tell any more which of two transactions was first.
_TRANSACTIONS, _COMPARABLE = 2**32, 2**30


def horizon_of(connection: adbc.AdbcConnection, place: str) -> str:
    """A table's file, and the oldest transaction that this read may not have seen the end of; empty without one."""
    (found,) = fetch(connection, _HORIZON.format(place=literal(place)))
    return found["horizon"] or ""


def written_since(then: str, now: str) -> str:
    """The condition on the rows that a read of the one horizon did not see; empty where it is of another file."""
    (file, _, first), (same, _, last) = then.rpartition("."), now.rpartition(".")
    if not (now and then) or file != same or not 0 <= int(last) - int(first) < _COMPARABLE:
        return ""
    return f"age(xmin) <= age('{int(first) % _TRANSACTIONS}'::xid)"

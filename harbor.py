"""Harbor, the small subscription shop whose numbers the bundled project serves.

`create` makes 18 months of its history as one SQLite file, `trade` keeps the shop open. DuckDB draws the history: every
choice is a hash of a row's id and the choice's name, so that the same arguments make the same rows. All times are UTC.
"""

import os
import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import duckdb

Progress = Callable[[str, int, int], None]  # told a table, at last "indexes": what is written of it, and of how much

GROWING = {"users": 20_000, "orders": 500_000, "events": 2_000_000}  # rows at scale 1
PRODUCTS = 40  # at any scale
STAMP = "%Y-%m-%d %H:%M:%S"  # how SQLite's own datetime() writes a time
CHUNK = 200  # rows of one INSERT; twice as fast as one by one, more is slower again
PATIENCE = 30.0  # seconds that a sale waits for another writer
NEWCOMERS, REFUNDS, LATE = 0.05, 0.05, 0.01  # the part of all sales made live that bring one

CHOICES = {  # one word of each is drawn evenly, so what is repeated is common; "?" is NULL
    "plans": "free free free free free free free free free basic basic basic basic basic pro pro pro team enterprise",
    "regions": "EU EU EU EU EU US US US US UK UK APAC APAC LATAM MEA ?",
    "referrers": "? ? ? ? search search search newsletter newsletter friend friend social podcast partner",
    "kinds": "view view view view view view view view search search search cart cart login login checkout review",
    "first_names": "ada amir ana ben chloe elif emma farid hana ivan kofi lea lin maya nadia omar priya sam yuki zoe",
    "last_names": "adeyemi bauer castro chen cohen diaz garcia haas kaya khan kim lopez okafor reed sato silva",
}
TABLES = """
create table users (
    id integer primary key, email text not null unique, plan text not null, region text, referrer text,
    created_at datetime not null, updated_at datetime not null);
create table products (
    id integer primary key, name text not null, category text not null, price decimal(10, 2) not null);
create table orders (
    id integer primary key, user_id integer not null references users (id),
    product_id integer not null references products (id), region text, status text not null,
    amount decimal(10, 2) not null, created_at datetime not null, updated_at datetime not null,
    refunded_at datetime);
create table events (
    id integer primary key, user_id integer, kind text not null, created_at datetime not null);
"""
INDEXES = {
    "users": ("created_at", "updated_at"),
    "orders": ("user_id, created_at, amount", "product_id", "created_at", "updated_at"),
    "events": ("created_at",),
}

MACROS = """
create macro unit(id, choice) as (hash(xor(hash(id), hash(choice))) >> 11) / (1::bigint << 53);  -- in [0, 1)
create macro choose(id, choice) as  -- one of its words
    nullif(getvariable(choice)[1 + floor(len(getvariable(choice)) * unit(id, choice))::bigint], '?');
create macro seconds(n) as to_seconds(floor(n)::bigint);
create macro arrivals(of, weight) as table  -- ids in order of time, spread over the hours by weight
    with shares as (select hour, sum(weight) over (order by hour) / sum(weight) over () as share from hours),
    ends as (select hour, least(getvariable(of), ceil(getvariable(of) * share))::bigint as last from shares),
    spans as (select hour, last, lag(last, 1, 0::bigint) over (order by hour) as first from ends),
    slots as (select hour, first, last, unnest(range(first + 1, last + 1)) as id from spans)
    select id, hour, hour + seconds(3600 * (id - first - 1 + unit(id, of)) / (last - first)) as arrived_at from slots;
"""
GOODS = """
create table goods as
with shelves(category, items) as (values
    ('coffee', 'House Blend 9.90, Breakwater Espresso 12.50, Fog Filter 11.00, Decaf Drift 10.50,
        Lighthouse Geisha 34.00, Cold Brew Crate 24.00, Deckhand Instant 7.50, Dark Pilot Roast 11.90'),
    ('tea', 'Quay Breakfast 6.90, Green Buoy 8.20, Mint Mooring 5.90, Smoked Sail 13.40,
        Chamomile Cove 6.40, Oolong Voyage 18.00, Chai Cargo 8.90, Captain Earl Grey 7.20'),
    ('gear', 'Pour-over Anchor 29.00, Burr Grinder 89.00, Enamel Mug 14.00, Travel Flask 27.50,
        Milk Frother 19.00, Gooseneck Kettle 64.00, Tea Strainer 9.00, Espresso Machine 379.00'),
    ('pantry', 'Sea Biscuits 4.50, Salt Caramel 5.80, Oat Drink Six-pack 12.60, Cane Sugar 3.20,
        Dark Chocolate 4.90, Honey Jar 8.40, Granola Sack 9.70, Lemon Marmalade 6.10'),
    ('boxes', 'Monthly Box 19.00, Discovery Box 29.00, Office Box 79.00, Gift Box 45.00,
        Harvest Box 59.00, Family Box 39.00, Winter Box 49.00, Crew Box 129.00')
), goods as (select category, unnest(string_split_regex(items, ',\\s+')) as item from shelves)
select row_number() over (order by category, item) as id, regexp_replace(item, ' [0-9.]+$', '') as name,
    category, split_part(item, ' ', -1)::decimal(10, 2) as price
from goods
"""
# People shop at noon and in the evening, less at weekends and in summer, most before Christmas.
HOURS = """
create table hours as
select hour, row_number() over (order by hour) - 1 as age,
    (1000 * [2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 10, 12, 11, 9, 9, 9, 10, 11, 13, 14, 11, 7, 4][1 + hour(hour)]
        * [1.05, 1.1, 1.1, 1.05, 1.0, 0.75, 0.8][isodow(hour)]
        * [0.95, 0.9, 1, 1, 1, 0.9, 0.8, 0.8, 1, 1.1, 1.3, 1.5][month(hour)])::bigint as demand
from range(getvariable('until') - interval 18 months, getvariable('until'), interval 1 hour) t(hour)
"""
# A user holds tickets, few hold many (Pareto): each order and each visit draws one of those handed out so far.
SHOPPERS = """
create table shoppers as
with people as (
    select id, arrived_at as created_at, choose(id, 'plans') as plan, choose(id, 'regions') as region,
        choose(id, 'referrers') as referrer
    from arrivals('users', demand * (4000 + age))
), weighed as (
    select *, map {'free': 1, 'basic': 2, 'pro': 3, 'team': 6, 'enterprise': 12}[plan] as appetite,
        least(300, floor(appetite * pow(1 - unit(id, 'tickets'), -0.8)))::bigint as tickets
    from people
)
select *, sum(tickets) over (order by id)::bigint as last_ticket from weighed;
create table tickets as
select id as user_id, created_at as joined_at, unnest(range(last_ticket - tickets, last_ticket)) as ticket
from shoppers;
create table traffic as
select hour, last_ticket as issued from hours asof join shoppers on shoppers.created_at < hours.hour
"""
ROWS = {
    "users": """
        select id, format('{}.{}{}@example.com', choose(id, 'first_names'), choose(id, 'last_names'), id),
            plan, region, referrer, created_at::varchar,
            (created_at + if(unit(id, 'moved') < 0.3, unit(id, 'when'), 0) * (getvariable('until') - created_at))
                ::timestamp_s::varchar
        from shoppers order by id""",
    "products": "select id, name, category, price::double from goods order by id",
    "orders": """
        with arrived as (
            select a.id, t.user_id, arrived_at,
                1 + (5 + 17 * floor(40 * pow(unit(a.id, 'product'), 2.2))::bigint) % 40 as product_id
            from arrivals('orders', demand * sqrt(age)) a join traffic using (hour)
            join tickets t on t.ticket = floor(issued * pow(unit(a.id, 'buyer'), 0.6))::bigint
        ), priced as (
            select a.id, user_id, product_id, arrived_at,
                if(unit(a.id, 'gift') < 0.04, choose(a.id, 'regions'), s.region) as region,
                (price * (1 - 0.03 * ln(appetite)))::decimal(10, 2)
                    * least(40, floor(sqrt(appetite) * pow(1 - unit(a.id, 'quantity'), -0.4)))::integer as amount,
                if(unit(a.id, 'late') < 0.005, 86400 * (1 + 5 * unit(a.id, 'delay')), 0) as delay,
                greatest(s.created_at, arrived_at - seconds(delay)) as created_at,
                if(unit(a.id, 'refund') < 0.02 + 0.06 * unit(category, 'refunds'),
                    arrived_at + seconds(86400 * (1 + 20 * unit(a.id, 'regret'))), null) as refund_due
            from arrived a join shoppers s on s.id = a.user_id join goods g on g.id = a.product_id
        )
        select id, user_id, product_id, region, if(refunded_at is null, 'paid', 'refunded'), amount::double,
            created_at::varchar, coalesce(refunded_at, arrived_at)::varchar, refunded_at::varchar
        from (select *, if(refund_due < getvariable('until'), refund_due, null) as refunded_at from priced)
        order by id""",
    "events": """
        select a.id, if(unit(a.id, 'known') < 0.8, t.user_id, null), choose(a.id, 'kinds'),
            greatest(joined_at, arrived_at - seconds(if(unit(a.id, 'late') < 0.003, 345600, 0)))::varchar
        from arrivals('events', demand * sqrt(age)) a join traffic using (hour)
        join tickets t on t.ticket = floor(issued * pow(unit(a.id, 'visitor'), 0.6))::bigint order by a.id""",
}


def create(path: Path, *, until: datetime, scale: float = 1.0, progress: Progress | None = None) -> None:
    """Make the shop's history up to `until` (a UTC time) at `path`, whole or not at all."""
    rows = {table: max(1, round(count * scale)) for table, count in GROWING.items()} | {"products": PRODUCTS}
    draft = path.with_name(f"{path.name}.draft")
    _discard(draft)
    try:
        with duckdb.connect() as history, closing(sqlite3.connect(draft, isolation_level=None)) as shop:
            _draw(history, until, rows)
            _write(shop, history, rows, progress or (lambda _table, _done, _total: None))
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        _discard(path)
        draft.replace(path)
    finally:
        _discard(draft)


def _discard(path: Path) -> None:
    """Remove a database with its write-ahead log, which would be replayed into a new file of that name."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _draw(history: duckdb.DuckDBPyConnection, until: datetime, rows: dict[str, int]) -> None:
    """Prepare the tables that `ROWS` selects from."""
    choices = {name: words.split() for name, words in CHOICES.items()}
    for name, value in {**choices, **rows, "until": until.replace(tzinfo=None)}.items():
        history.execute(f"set variable {name} = $1", [value])
    for script in (GOODS, HOURS, MACROS, SHOPPERS):
        history.execute(script)


def _write(
    shop: sqlite3.Connection, history: duckdb.DuckDBPyConnection, rows: dict[str, int], progress: Progress
) -> None:
    """Copy all rows, then index them; nobody reads the draft, so it needs no journal."""
    shop.executescript(f"pragma synchronous = off; pragma journal_mode = off; pragma cache_size = -200000; {TABLES}")
    shop.execute("begin")
    for table, query in ROWS.items():
        history.execute(query)
        done = 0
        while chunk := history.fetchmany(CHUNK):
            places = ", ".join([f"({', '.join('?' * len(chunk[0]))})"] * len(chunk))
            insert = f"insert into {table} values {places}"
            shop.execute(insert, [*chain.from_iterable(chunk)])
            progress(table, done := done + len(chunk), rows[table])
    indexes = [(table, columns) for table, each in INDEXES.items() for columns in each]
    for done, (table, columns) in enumerate(indexes, start=1):
        shop.execute(f"create index {table}_{columns.replace(', ', '_')} on {table} ({columns})")
        progress("indexes", done, len(indexes))
    shop.execute("commit")
    shop.execute("pragma journal_mode = wal")


def trade(path: Path, *, stop: threading.Event, orders_per_second: float = 5.0) -> None:
    """Keep the shop open until `stop` is set: each sale is one transaction, modelled on rows of the past."""
    with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as shop:
        shop.executescript("pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on")
        chance = random.Random(path.name)
        while not stop.wait(chance.expovariate(orders_per_second)):
            shop.execute("begin immediate")
            _sell(shop, chance, datetime.now(UTC))
            shop.execute("commit")


def _sell(shop: sqlite3.Connection, chance: random.Random, now: datetime) -> None:
    """Add an order and some visits; now and then the buyer is new, the order days late, an older one refunded."""
    moment = now.strftime(STAMP)
    buyer = _sign_up(shop, chance, moment) if chance.random() < NEWCOMERS else None
    late = buyer is None and chance.random() < LATE
    placed = (now - timedelta(days=3)).strftime(STAMP) if late else moment
    shop.execute(
        "insert into orders (user_id, product_id, region, status, amount, created_at, updated_at) "
        "select coalesce(?, user_id), product_id, region, 'paid', amount, ?, ? from orders "
        "where id = 1 + ? % (select max(id) from orders)",
        (buyer, placed, moment, chance.getrandbits(32)),
    )
    shop.execute(
        "insert into events (user_id, kind, created_at) select user_id, kind, ? from events "
        "where id > ? % (select max(id) from events) limit ?",
        (moment, chance.getrandbits(32), chance.randint(1, 7)),
    )
    if chance.random() < REFUNDS:
        shop.execute(
            "update orders set status = 'refunded', refunded_at = ?, updated_at = ? "
            "where id = 1 + ? % (select max(id) from orders) and refunded_at is null",
            (moment, moment, chance.getrandbits(32)),
        )


def _sign_up(shop: sqlite3.Connection, chance: random.Random, moment: str) -> int | None:
    """Add a user who came from where an earlier one did."""
    name = ".".join(chance.choice(CHOICES[part].split()) for part in ("first_names", "last_names"))
    return shop.execute(
        "insert into users (email, plan, region, referrer, created_at, updated_at) "
        "select ? || (select max(id) + 1 from users) || '@example.com', plan, region, referrer, ?, ? from users "
        "where id = 1 + ? % (select max(id) from users)",
        (name, moment, moment, chance.getrandbits(32)),
    ).lastrowid

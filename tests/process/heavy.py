"""A project whose questions take long: the snapshot is small, what is computed from it is not."""

from __future__ import annotations

from pathlib import Path

from .shops import make_project, publish

NUMBERS = """
create table numbers (n integer primary key);
insert into numbers with recursive c(n) as (values (1) union all select n + 1 from c where n < 1000) select n from c;
"""
METRIC = """
    select left(md5((a.n * b.n)::varchar), 1) as tag, count(*) as pairs, count(distinct a.n + b.n) as sums
    from shop.numbers a, shop.numbers b group by all"""
# A million pairs, each compared with ninety texts that no tag has: half a minute and more, on one thread.
CONDITIONS = ", ".join(f'{{tag: {{contains: "{number}x"}}}}' for number in range(90))
LONG = f"{{ pairs(by: [], where: {{or: [{CONDITIONS}]}}) {{ nodes {{ sums }} }} }}"


def make_heavy(root: Path, server: str) -> Path:
    """The project, published; `server` is added to its [server]."""
    publish(make_project(root, NUMBERS, {"pairs": METRIC}, f"[server]\nthreads = 1\n{server}"))
    return root

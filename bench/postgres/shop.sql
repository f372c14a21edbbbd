-- Five million orders of 200,000 users over 18 months, to prove revenue with:
--
--     createdb pacelayer_bench
--     psql -f bench/postgres/shop.sql pacelayer_bench
--     cd bench/postgres
--     export SHOP_URL=postgresql://localhost/pacelayer_bench
--     pacelayer check
--     pacelayer prove revenue.graphql
--
create table users (
    id bigint primary key, email text not null, plan text not null, region text, created_at timestamp not null);
create table orders (
    id bigint primary key, user_id bigint not null references users (id), region text, status text not null,
    amount numeric(10, 2) not null, created_at timestamp not null, refunded_at timestamp);

insert into users
select i, 'user' || i || '@example.com', (array['free', 'free', 'free', 'basic', 'pro', 'team'])[1 + i % 6],
    (array['EU', 'US', 'UK', 'APAC', null])[1 + i % 5], timestamp '2025-05-01' + i * interval '20 seconds'
from generate_series(1, 200000) i;
insert into orders
select i, 1 + (hashint8(i) & 2147483647) % 200000, (array['EU', 'US', 'UK', 'APAC', null])[1 + i % 5],
    case when i % 20 = 0 then 'refunded' else 'paid' end, ((hashint8(i * 3) & 2147483647) % 50000) / 100.0,
    timestamp '2025-05-01' + i * interval '9 seconds',
    case when i % 20 = 0 then timestamp '2025-05-02' + i * interval '9 seconds' end
from generate_series(1, 5000000) i;
create index on orders (created_at);
analyze;

-- Everything a user's own page shows, one row for each user.
-- @key user_id
-- @unit revenue EUR
with spent as (
  select
    o.user_id, p.category, count(*) as orders, sum(o.amount) as revenue, max(o.created_at) as last_order_at,
    count(*) filter (where o.refunded_at is not null) as refunds
  from shop.orders o join shop.products p on p.id = o.product_id
  group by o.user_id, p.category
), ranked as (
  select *, row_number() over (partition by user_id order by orders desc, category) as place
  from spent
), bought as (
  select
    user_id, sum(orders) as orders, sum(revenue) as revenue, sum(refunds) as refunds,
    max(last_order_at) as last_order_at, max(category) filter (where place = 1) as favourite_category
  from ranked
  group by user_id
), seen as (
  select user_id, count(*) as events
  from shop.events
  where created_at > (select max(created_at) from shop.events) - interval 30 days
  group by user_id
)
select
  u.id                                  as user_id,
  u.plan                                as plan,
  u.region                              as region,         -- Home of the user, null where unknown
  u.created_at::date                    as member_since,   -- Day of the sign-up
  coalesce(b.orders, 0)::bigint         as orders,         -- Orders placed, refunded ones included
  coalesce(b.revenue, 0)                as revenue,        -- Gross revenue, EUR
  coalesce(b.refunds, 0)::bigint        as refunds,        -- Orders refunded
  b.last_order_at                       as last_order_at,
  b.favourite_category                  as favourite_category,  -- Ordered most often
  coalesce(s.events, 0)                 as events_30d      -- What the user did in the last 30 days of the data
from shop.users u
left join bought b on b.user_id = u.id
left join seen s on s.user_id = u.id

-- What a user's own page shows, one row for each user. The last 30 days are those of the data, not of the clock.
-- @key user_id
-- @unit revenue EUR
with bought as (
  select user_id, count(*) as orders, sum(amount) as revenue, max(created_at) as last_order_at
  from shop.orders
  group by user_id
), chosen as (
  select
    o.user_id, p.category,
    row_number() over (partition by o.user_id order by count(*) desc, p.category) as place
  from shop.orders o join shop.products p on p.id = o.product_id
  where o.created_at > (select max(created_at) from shop.orders) - interval 30 days
  group by p.category, o.user_id
), seen as (
  select user_id, count(*) as events
  from shop.events
  where created_at > (select max(created_at) from shop.events) - interval 30 days
  group by user_id
)
select
  u.id                      as user_id,
  u.plan                    as plan,
  u.region                  as region,              -- Home of the user, null where unknown
  u.created_at::date        as member_since,        -- Day of the sign-up
  coalesce(b.orders, 0)     as orders,              -- Orders placed, refunded ones included
  coalesce(b.revenue, 0)    as revenue,             -- Gross revenue, EUR
  b.last_order_at           as last_order_at,       -- Null where nothing was ever ordered
  c.category                as favourite_category,  -- Ordered most often in the last 30 days, null where nothing was
  coalesce(s.events, 0)     as events_30d           -- What the user did in the last 30 days
from shop.users u
left join bought b on b.user_id = u.id
left join chosen c on c.user_id = u.id and c.place = 1
left join seen s on s.user_id = u.id

-- Orders and revenue by day, plan and region.
-- @unit revenue EUR
select
  date_trunc('day', o.created_at)::date  as day,      -- Day the order was placed
  u.plan                           as plan,           -- Plan of the buyer
  o.region                         as region,         -- Where the order was sent, null where unknown
  count(*)                         as orders,         -- Orders placed, refunded ones included
  sum(o.amount)                    as revenue,        -- Gross revenue, EUR
  avg(o.amount)                    as average_order,  -- Revenue of one order, EUR
  count(distinct o.user_id)        as buyers,         -- Distinct buyers
  revenue / buyers                 as revenue_per_buyer
from shop.orders o join shop.users u on u.id = o.user_id
group by all

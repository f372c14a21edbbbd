-- How large an order is, by day and plan. No median follows from other medians, so coarser grains are computed anew.
-- @unit median_amount EUR
-- @unit p90_amount EUR
-- @unit largest EUR
select
  date_trunc('day', o.created_at)::date  as day,      -- Day the order was placed
  u.plan                           as plan,           -- Plan of the buyer
  median(o.amount)                 as median_amount,  -- Half of the orders are smaller
  quantile_cont(o.amount, 0.9)     as p90_amount,     -- Nine of ten orders are smaller
  max(o.amount)                    as largest
from shop.orders o join shop.users u on u.id = o.user_id
group by all

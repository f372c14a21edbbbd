-- What was given back, by the day the order was placed and the category of the product.
-- @unit refunded_amount EUR
select
  date_trunc('day', o.created_at)::date  as day,      -- Day the order was placed, not the day of the refund
  p.category                       as category,
  count(*)                         as orders,         -- Orders placed
  count(*) filter (where o.refunded_at is not null)  as refunded,  -- Orders refunded since
  refunded / orders                as refund_rate,    -- Share of the orders that was refunded
  sum(o.amount) filter (where o.refunded_at is not null)  as refunded_amount  -- EUR, null where nothing was refunded
from shop.orders o join shop.products p on p.id = o.product_id
group by all

-- The twenty products that bring the most.
-- @key product_id
-- @unit revenue EUR
select
  rank() over (order by sum(o.amount) desc)       as place,  -- 1 is the product with the highest revenue
  p.id                                            as product_id,
  p.name                                          as product,
  p.category                                      as category,
  count(*)                                        as orders,   -- Orders placed, refunded ones included
  count(distinct o.user_id)                       as buyers,   -- Distinct buyers
  sum(o.amount)                                   as revenue,  -- Gross revenue, EUR
  sum(o.amount) / sum(sum(o.amount)) over ()      as revenue_share  -- Of the revenue of all products
from shop.orders o join shop.products p on p.id = o.product_id
group by p.id, p.name, p.category
order by place, p.id
limit 20

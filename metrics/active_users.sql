-- Who used the shop, and how much, by day and plan.
select
  date_trunc('day', e.created_at)::date  as day,      -- Day of the visit
  u.plan                           as plan,           -- Plan of the visitor, null for visitors who are not signed in
  count(distinct e.user_id)        as active_users,   -- Distinct users seen, visitors who are not signed in left out
  count(*)                         as events,         -- Everything they did
  count(*) filter (where e.kind = 'checkout')  as checkouts
from shop.events e left join shop.users u on u.id = e.user_id
group by all

-- New users by day, plan and the place they came from.
select
  date_trunc('day', u.created_at)::date  as day,      -- Day of the sign-up
  u.plan                           as plan,           -- Plan they are on now
  u.referrer                       as referrer,       -- What led them here, null where they came by themselves
  count(*)                         as signups,
  count(*) filter (where u.plan <> 'free')  as paying,  -- Those on any plan but free
  paying / signups                 as paying_share
from shop.users u
group by all

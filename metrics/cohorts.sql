-- How many of those who signed up in a month still buy, month after month.
-- @pace 1h
-- @unit revenue_to_date EUR
with members as (
  select date_trunc('month', created_at)::date as cohort, count(*) as size
  from shop.users
  group by all
), activity as (
  select
    date_trunc('month', u.created_at)::date          as cohort,
    date_diff('month', u.created_at, o.created_at)   as month_number,
    count(distinct o.user_id)                        as customers,
    sum(o.amount)                                    as revenue
  from shop.orders o join shop.users u on u.id = o.user_id
  group by all
)
select
  cohort,                                         -- First day of the month of the sign-up
  month_number,                                   -- Months since, 0 is the month of the sign-up
  customers,                                      -- Distinct buyers of the cohort in that month
  customers / size                as retained,    -- Their share of the whole cohort
  sum(revenue) over (partition by cohort order by month_number)  as revenue_to_date  -- Since the sign-up, EUR
from activity join members using (cohort)
order by cohort, month_number

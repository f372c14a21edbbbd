-- Sends what the environment says, another `__ID__` each time, and says what it measured as JSON.
wrk.method = os.getenv("BENCH_METHOD")
for line in io.lines(os.getenv("BENCH_HEADERS")) do
  local name, value = line:match("^(.-): (.*)$")
  wrk.headers[name] = value
end
local file = io.open(os.getenv("BENCH_BODY"), "rb")
local body = file:read("*a")
file:close()
local first, last = body:find("__ID__", 1, true)
if first then
  local before, after = body:sub(1, first - 1), body:sub(last + 1)
  local number = tonumber(os.getenv("BENCH_SEED"))
  request = function()
    number = (number * 16807) % 2147483647
    return wrk.format(wrk.method, nil, nil, before .. tostring(number % 50000 + 1) .. after)
  end
elseif wrk.method == "POST" then
  wrk.body = body
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('JSON {"rate": %.1f, "p50": %.3f, "p99": %.3f, "failed": %d}\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.connect + e.read + e.write + e.status + e.timeout))
end

-- Sends the requests of the file BENCH_REQUESTS in their order, over and over, and prints its figures as JSON. A line is a path
-- to get, or `POST path token key body`. With BENCH_PAUSE_MS each connection pauses before each request: on the average so long,
-- at random, as users do who know nothing of each other. With BENCH_REFUSALS it counts answers that refuse with a time to come
-- back (503 with Retry-After) apart from errors.
local requests, at = {}, 0

function init()
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local path, token, key, body = line:match("^POST (%S+) (%S+) (%S+) (.*)$")
    requests[#requests + 1] = path
      and wrk.format("POST", path, {
        ["authorization"] = "Bearer " .. token,
        ["idempotency-key"] = key,
        ["content-type"] = "application/json",
      }, body)
      or wrk.format("GET", line)
  end
end

-- The first one that wrk asks for it looks at and does not send.
local looked = false
function request()
  if not looked then
    looked = true
    return requests[1]
  end
  at = at % #requests + 1
  return requests[at]
end

local pause = tonumber(os.getenv("BENCH_PAUSE_MS") or 0)
if pause > 0 then
  function delay()
    return math.floor(0.5 - pause * math.log(1 - math.random()))
  end
end

-- Each thread has variables of its own; there is one.
local thread
function setup(of)
  thread = of
end

refused = 0
if os.getenv("BENCH_REFUSALS") then
  function response(status, headers)
    if status == 503 and (headers["Retry-After"] or headers["retry-after"]) then
      refused = refused + 1
    end
  end
end

function done(summary, latency)
  local e, turned = summary.errors, thread:get("refused")
  local failed = e.connect + e.read + e.write + e.status + e.timeout - turned
  -- Of the answers that are no refusal at most one in a hundred took longer than this, even if they were the slowest of all.
  local accepted = (summary.requests - turned) / summary.requests
  local bound = latency:percentile(100 - accepted)
  io.write(string.format(
    'FIGURES {"requests":%d,"micros":%d,"errors":%d,"refused":%d,"acceptedP99":%f,"mean":%f,"p50":%f,"p95":%f,"p99":%f}\n',
    summary.requests, summary.duration, failed, turned, bound / 1000,
    latency.mean / 1000, latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000))
end

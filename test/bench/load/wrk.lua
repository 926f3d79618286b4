-- Asks for the paths of the file BENCH_PATHS in their order, over and over, and prints its figures as JSON.
local requests, at = {}, 0

function init()
  for path in io.lines(os.getenv("BENCH_PATHS")) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'FIGURES {"requests":%d,"micros":%d,"errors":%d,"p50":%f,"p99":%f}\n',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end

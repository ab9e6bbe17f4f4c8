-- What wrk sends. The program puts the addresses and the kind of load before these lines:
--   servers = {{"127.0.0.1", "4000"}, ...}; kind = "read" or "write"; games = 1000

local threads = 0

-- Called once for each of wrk's threads: each talks to the next server.
function setup(thread)
  local server = servers[threads % #servers + 1]
  thread.addr = wrk.lookup(server[1], server[2])[1]
  thread:set("number", threads)
  threads = threads + 1
end

-- Called in each thread.
function init(args)
  math.randomseed(1851 + number)
  written = 0
  wrk.headers["content-type"] = "application/json"
end

function request()
  if kind == "read" then
    return wrk.format("GET", string.format("/games/bench-%04d", math.random(0, games - 1)))
  end
  written = written + 1
  local game = '{"id":"%s-%d-%d","white_player":"Morphy","black_player":"Duke Karl"}'
  return wrk.format("POST", "/games", nil, string.format(game, run, number, written))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "\nresult %d %d %d %d\n",
    summary.requests, summary.duration, latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end

-- Measures for how long the check of a timeout is late. Reads only. Comes after contact.lua and numbers.lua.
-- KEYS: 1 metadata (hash), 2 index by status, 3 jobs to check (see next-timeouts.lua)
-- Replies: milliseconds of reachable time; 0 if no store has enforced timeouts yet

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local leaseNow, away = contact(KEYS[1], nil, now)
local stored = redis.call('HGET', KEYS[1], 'timeouts')
if not stored then return 0 end
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
local lag = first and leaseNow - first or 0
for code, place in pairs(cjson.decode(stored).codes) do
  local base, latest = code * SPAN, math.max(0, now - place.ms)
  local score = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. int(base + place.at), int(base + latest), 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if score then lag = math.max(lag, leaseNow - place.ms - math.max(place.since, score - base - away)) end
end
return math.max(0, lag)

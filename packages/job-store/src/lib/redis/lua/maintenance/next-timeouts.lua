-- Finds jobs whose time in their status may be over, if the caller enforces timeouts or no store does. Comes after metadata.lua,
-- contact.lua and numbers.lua.
-- KEYS: 1 metadata (hash), 2 index by status, 3 store that enforces timeouts (string), 4 jobs to check (sorted set, scored by the reachable
--       time of the check), 5 gaps (see contact.lua)
-- ARGV: 1 revision of the metadata that the caller knows, 2 deadline (ms by this server's clock, 13 digits), 3 name of the caller, 4 maximum
--       number of jobs; from 5 on, the code and the time limit (ms) of each status with a limit
-- Replies: { 'late' }; { 'stale' }; { 'other' }  another store enforces the timeouts
--          { 'next', 1 if further jobs can be found at once, else 0, id … }
--
-- The field `timeouts` of the metadata is a JSON object: `ran`, the clock at the last run, `away` at that time (see contact.lua), and for
-- each code { since, at, reached, turned, ms }. A cursor walks the index by status in the order of entry, up to the jobs that entered the status at
-- least `ms` ago, and adds them to the jobs to check: `at` is the time of entry at which it continues, and `reached` the latest one that it
-- has seen: in between, only jobs are added that were not. So entering a status, progress and
-- leases write nothing here. Jobs that are in the status when its limit is new have the full time from `since` on, in reachable time.
-- `turned` is not '0' after the clock went back: the cursor then walks to the end, and starts again from there. The field `timeoutsFrom` is
-- the earliest time of entry that another call has written behind the cursor (see late-entry.lua). Times are text: Lua's numbers have 14
-- digits as text.

-- Time that the clock can go back between two runs without being noticed, in milliseconds. The cursor stays so far behind.
local MARGIN = 3000
-- A store that died is replaced after this time, in milliseconds.
local OWNER_MS = 10000

if now > ARGV[2] then return { 'late' } end
if metadata[1] ~= ARGV[1] then return { 'stale' } end

local leaseNow, away = contact(KEYS[1], KEYS[5], now)
local owner = redis.call('GET', KEYS[3])
if owner and owner ~= ARGV[3] then return { 'other' } end
redis.call('SET', KEYS[3], ARGV[3], 'PX', OWNER_MS)

local stored, from = unpack(redis.call('HMGET', KEYS[1], 'timeouts', 'timeoutsFrom'))
local before = stored and cjson.decode(stored) or { codes = {} }
local turned = before.ran and (now < before.ran or away < tonumber(before.away))
local left, more, codes = tonumber(ARGV[4]), 0, {}

-- Adds jobs of a code to those to check, and moves its cursor.
local function walk(base, place, latest)
  local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. int(base + place.at), int(base + latest), 'WITHSCORES', 'LIMIT', 0, left)
  local count = #found / 2
  if count == left then
    -- The cursor passes either all or none of the jobs that entered the status in one millisecond.
    more = 1
    local last = found[#found]
    if found[2] == last then
      found = redis.call('ZRANGEBYSCORE', KEYS[2], last, last, 'WITHSCORES')
      count = #found / 2
    else
      while found[2 * count] == last do count = count - 1 end
    end
  end
  left = left - count
  if count > 0 then place.at = int(found[2 * count] - base) end
  for n = 1, count do
    local seen = found[2 * n] - base <= tonumber(place.reached)
    redis.call('ZADD', KEYS[4], seen and 'NX' or 'CH', leaseNow, found[2 * n - 1])
  end
  if tonumber(place.at) > tonumber(place.reached) then place.reached = place.at end
  if more == 1 then return end
  if place.turned ~= '0' then
    place.at, place.reached, place.turned = place.turned, place.turned, '0'
  else
    place.at = int(math.max(-1, math.min(place.at, latest - MARGIN)))
  end
end

for i = 5, #ARGV, 2 do
  local code, ms = ARGV[i], tonumber(ARGV[i + 1])
  local place = before.codes[code] or { since = int(leaseNow), at = '-1', reached = '-1', turned = '0' }
  place.ms = ARGV[i + 1]
  if turned then place.at, place.reached, place.turned = '-1', '-1', now end
  if from and from ~= '' and tonumber(from) <= tonumber(place.reached) then
    place.at = int(from - 1)
    place.reached = place.at
  end
  codes[code] = place
  if left > 0 and leaseNow - place.since >= ms then
    walk(code * SPAN, place, place.turned == '0' and math.max(0, now - ms) or SPAN - 1)
  end
end
redis.call('HSET', KEYS[1], 'timeouts', cjson.encode({ ran = now, away = int(away), codes = codes }), 'timeoutsFrom', '')

local due = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', leaseNow, 'LIMIT', 0, ARGV[4])
if #due == tonumber(ARGV[4]) then more = 1 end
return { 'next', more, unpack(due) }

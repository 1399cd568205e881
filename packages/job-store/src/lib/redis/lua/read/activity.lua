-- Counts jobs by the minutes of the last hour in which they entered their status or were created, and their timeouts. Reads only. Comes
-- after contact.lua and numbers.lua.
-- KEYS: 1 metadata (hash), 2 index by status, 3 index by creation, 4 jobs whose timeout is checked later (see next-timeouts.lua)
-- ARGV: 1 revision of the metadata that the caller knows, 2 time (ms) after which a timeout is reported as overdue; from 3 on, for each
--       code: the code, its TTL (ms), and its time limit (ms) or 0
-- Replies: { 'stale' }
--          { 'activity', now, beginning of the first minute, 1 if the indexes contain expired jobs, else 0, timeouts within the hour,
--            overdue timeouts, { number of jobs created … }, and for each code { number of jobs entered … } }

local HOUR_MS, MINUTE_MS = 3600000, 60000
-- Maximum number of jobs of a code that are examined one by one.
local MAX_EXAMINED = 1000

if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[1] then return { 'stale' } end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local from = (math.floor(now / MINUTE_MS) - 59) * MINUTE_MS
local leaseNow = contact(KEYS[1], nil, now)
local stored = redis.call('HGET', KEYS[1], 'timeouts')
local places = stored and cjson.decode(stored).codes or {}

-- Counts the members of an index with a time from `low` to `high`.
local function count(key, base, low, high)
  if low > high then return 0 end
  return redis.call('ZCOUNT', key, int(base + low), int(base + high))
end

-- Counts the members of an index by minute. `oldest`: members with an earlier time have expired.
local function countMinutes(key, base, oldest)
  local minutes = {}
  local isEmpty = count(key, base, math.max(from, oldest), from + HOUR_MS - 1) == 0
  for n = 1, 60 do
    local low = from + (n - 1) * MINUTE_MS
    minutes[n] = isEmpty and 0 or count(key, base, math.max(low, oldest), low + MINUTE_MS - 1)
  end
  return minutes
end

local withinHour, overdue, hasExpired = 0, 0, 0
local created = countMinutes(KEYS[3], 0, 0)

-- Removes the expired jobs of a code, which are still in the indexes, from the numbers of created jobs.
local function subtractExpired(base, oldest)
  local expired = redis.call('ZRANGEBYSCORE', KEYS[2], int(base), '(' .. int(base + oldest), 'LIMIT', 0, 5 * MAX_EXAMINED)
  for _, id in ipairs(expired) do
    local at = tonumber(redis.call('ZSCORE', KEYS[3], id) or 0)
    local n = math.floor((at - from) / MINUTE_MS) + 1
    if created[n] then created[n] = created[n] - 1 end
    hasExpired = 1
  end
end

-- Adds the timeouts of a code. A job that entered the status less than `limit` ago is due `limit` after its entry or later. An older one is
-- among the jobs to check, at the time at which it can be due, unless it was not found yet.
local function addTimeouts(base, limit, oldest, place)
  local entered = now - limit
  local since = place and tonumber(place.since) or leaseNow
  if leaseNow - since < limit then
    -- Jobs that were in the status when its limit was new have the full time from then on.
    if since + limit <= leaseNow + HOUR_MS then
      withinHour = withinHour + count(KEYS[2], base, oldest, math.min(now, entered + HOUR_MS))
    end
    return
  end
  withinHour = withinHour + count(KEYS[2], base, math.max(oldest, entered + 1), math.min(now, entered + HOUR_MS))
  if entered < oldest then return end
  local jobs = redis.call('ZRANGEBYSCORE', KEYS[2], int(base + oldest), int(base + entered), 'WITHSCORES', 'LIMIT', 0, MAX_EXAMINED)
  for n = 1, #jobs, 2 do
    local check = redis.call('ZSCORE', KEYS[4], jobs[n])
    local late = check and leaseNow - check or entered - (jobs[n + 1] - base)
    if late >= tonumber(ARGV[2]) then
      overdue = overdue + 1
    elseif late <= 0 and late >= -HOUR_MS then
      withinHour = withinHour + 1
    end
  end
end

local reply = { 'activity', now, from, 0, 0, 0, created }
for i = 3, #ARGV, 3 do
  local base, ttl, limit = ARGV[i] * SPAN, tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local oldest = ttl > 0 and math.max(0, now - ttl) or 0
  reply[#reply + 1] = countMinutes(KEYS[2], base, oldest)
  -- A job with a longer TTL was created before the first minute when it expires.
  if ttl > 0 and ttl < HOUR_MS then subtractExpired(base, oldest) end
  if limit > 0 then addTimeouts(base, limit, oldest, places[ARGV[i]]) end
end
reply[4], reply[5], reply[6] = hasExpired, withinHour, overdue
return reply

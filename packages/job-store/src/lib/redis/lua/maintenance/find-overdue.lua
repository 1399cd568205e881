-- Finds those of the given jobs whose time in their status is over. A job whose time is not over is checked again when it can be. Comes
-- after metadata.lua, contact.lua and work-state.lua.
-- KEYS: 1 metadata (hash), 2 jobs to check (see next-timeouts.lua), 3 gaps (see contact.lua), 4 work states and 5 their messages (hashes),
--       6 leases and 7 waits (sorted sets; see work-state.lua); from 8 on, the jobs
-- ARGV: 1 revision of the metadata that the caller knows, 2 deadline (ms by this server's clock, 13 digits), 3 position of the id in the key
--       of a job; from 4 on, for each status with a limit: its TTL (ms), a space and the status (JSON), its code, and the limit (ms)
-- Replies: { 'late' }; { 'stale' }
--          { 'overdue', for each job that is overdue: its id, status (JSON), version, createdAt and updatedAt … }

-- The caller changes a job that is overdue. If that fails, the job is found again after this time, in milliseconds.
local RETRY_MS = 10000
-- Shortest time between two checks of a job with a lease, in milliseconds.
local MIN_CHECK_MS = 5000

if now > ARGV[2] then return { 'late' } end
if metadata[1] ~= ARGV[1] then return { 'stale' } end

local leaseNow, away = contact(KEYS[1], nil, now)
local works = workStates(now, nil, unpack(KEYS, 4, 7))
local stored = redis.call('HGET', KEYS[1], 'timeouts')
local places = stored and cjson.decode(stored).codes or {}
local lastGap = tonumber(redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2])

local rules = {}
for i = 4, #ARGV, 3 do
  local place = places[ARGV[i + 1]]
  rules[ARGV[i]] = { since = place and tonumber(place.since) or leaseNow, ms = tonumber(ARGV[i + 2]) }
end

-- Returns the start of a gap and the total of the gaps before it.
local function gapOf(member, ending)
  local start, after = match(member, '^(%S+) (%S+)$')
  return tonumber(start), after - (ending - start)
end

-- Converts a time by the clock to reachable time.
local function reachable(time)
  if time > tonumber(now) then
    -- The clock went back since.
    local gaps = redis.call('ZRANGE', KEYS[3], -20, -1, 'WITHSCORES')
    for i = #gaps, 2, -2 do
      local start, before = gapOf(gaps[i - 1], gaps[i])
      if time <= start and time > tonumber(gaps[i]) then return time - before end
    end
  end
  if not lastGap or time >= lastGap then return time - away end
  local gap = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. string.format('%.0f', time), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local start, before = gapOf(gap[1], gap[2])
  return math.min(time, start) - before
end

local function beginningOf(key)
  local text = redis.pcall('GETRANGE', key, 0, 1023)
  if type(text) == 'string' then return text end
  -- Any other error ends the script.
  return find(text.err, 'WRONGTYPE', 1, true) and '' or redis.call('GETRANGE', key, 0, 1023)
end

local reply, checks, left, ids = { 'overdue' }, {}, {}, {}
for i = 8, #KEYS do ids[i - 7] = sub(KEYS[i], ARGV[3]) end
local workTexts = #ids > 0 and redis.call('HMGET', KEYS[4], unpack(ids))

for n, id in ipairs(ids) do
  local version, status, attempt, ttl, created, entered, updated = match(beginningOf(KEYS[n + 7]),
    '^{"version":(%d+),"status":(".-"),"attempt":(%d+),"ttl":(%d+),"times":%[(%d+),(%d+),?(%d*)%]')
  local rule = version and rules[ttl .. ' ' .. status]
  if not rule then
    left[#left + 1] = id
  else
    updated = updated == '' and entered or updated
    local state = works.read(workTexts[n], created .. ' ' .. attempt)
    if state then works.settle(state, leaseNow) end
    local check
    if state and (state.lease == 'o' or state.lease == 'w') then
      -- A lease can be ended early, which writes nothing here. The job is not overdue before it was checked once more.
      local ending = state.lease == 'o' and tonumber(state.ending) or state.ending - away
      check = math.min(ending + rule.ms, leaseNow + math.max(rule.ms, MIN_CHECK_MS))
    else
      local idle = tonumber(state and state.counts and state.counts.idle or 0)
      check = rule.ms + math.max(rule.since, idle, reachable(tonumber(entered)), reachable(tonumber(updated)))
    end
    if check <= leaseNow then
      for _, value in ipairs({ id, status, version, created, updated }) do reply[#reply + 1] = value end
      check = leaseNow + RETRY_MS
    end
    checks[#checks + 1] = string.format('%.0f', check)
    checks[#checks + 1] = id
  end
end
if #left > 0 then redis.call('ZREM', KEYS[2], unpack(left)) end
if #checks > 0 then redis.call('ZADD', KEYS[2], unpack(checks)) end
return reply

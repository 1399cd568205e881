-- Sets the ends of leases, and makes a contact with the server. If a worker announces itself, records that it is alive. Comes after
-- script-bytes.lua, work-changes.lua, expectations.lua and pauses.lua.
-- KEYS: 1 metadata (hash), 2 work states and 3 their messages (hashes), 4 leases and 5 waits (sorted sets; see work-state.lua), 6 gaps
--       (see contact.lua), 7 limits, 8 their lists and 9 their rules (see places.lua), 10 pauses (see pauses.lua), 11 records of workers
--       (hash: id -> time of the latest heartbeat, a space and the record; `<id> running` -> ids of its running jobs (JSON)), 12 their ends
--       (sorted set: id by the time at which the record expires), 13 consumers (hash: queue -> day on which a worker of the queue was alive
--       last, as its first millisecond, a space and the statuses), 14 entries of the outbox (stream)
-- ARGV: 1 deadline (ms by this server's clock), 2 time until the new end (ms), 0: the leases end at once, 3 operation, 4 id of the worker, or ''
--       if none announces itself, 5 its queue (JSON), 6 its record (JSON), 7 statuses that it names (JSON), 8 field that it limits, or '', 9 ids of
--       its running jobs (JSON); from 10 on, two values for each job: its id, and what it must have (see expectations.lua)
-- Replies: { 'late', now }  the deadline has passed: nothing was changed, and nothing will be
--          { 'stale' }  the store has a newer format: nothing was changed
--          { 'renewed', id of the run of this server or '', pause of the worker's queue or '', for each job 1 if its lease was changed, else 0 }

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[1]) then return { 'late', string.format('%.0f', now) } end
local leaseNow, leaseMs = contact(KEYS[1], KEYS[6], now), tonumber(ARGV[2])
if not leaseNow then return { 'stale' } end
local limitsKey, listsKey, rulesKey = unpack(KEYS, 7, 9)
local works = workChanges(workStates(now, KEYS[14], KEYS[2], KEYS[3], KEYS[4], KEYS[5], limitsKey, listsKey, rulesKey))

local function isPresent(state, expected)
  local version, expiry, status = string.match(state.present, '^(%d+) (%d+) (.*)$')
  if conflicts(expected, version, string.match(state.run, '^%d+'), status) then return false end
  return expiry == '0' or now <= tonumber(expiry)
end

-- Returns true if the lease was ended, now or by an earlier attempt of this call. One whose time is over has ended already.
local function stop(state)
  works.settle(state, leaseNow)
  if state.lease == 'o' or state.lease == 'w' then
    works.endLease(state, leaseNow)
    state.counts.counted, state.counts.ended = nil, ARGV[3]
    return true
  end
  return state.counts ~= nil and state.counts.ended == ARGV[3]
end

-- Returns true if the lease was renewed, or given again after it had ended at its time.
local function renew(state)
  local _, version = works.claimOf(state)
  if state.lease == 'w' or not version or version ~= string.match(state.present, '^%d+') or (state.counts and state.counts.ended) then return false end
  works.give(state, leaseNow, leaseMs)
  return true
end

-- Maximum number of expired records that are removed in one run.
local MAX_EXPIRED = 100

local function removeWorker(id)
  redis.call('HDEL', KEYS[11], id, id .. ' running')
  redis.call('ZREM', KEYS[12], id)
end

local DAY_MS = 86400000

-- Records that the queue has a worker, with its statuses if the worker is new. Forgets queues without one; see `CONSUMER_MS` in
-- driver-rules.ts. One write a day and worker is enough.
local function noteConsumer(isNew)
  local today = string.format('%.0f', now - now % DAY_MS)
  local day, statuses = string.match(redis.call('HGET', KEYS[13], ARGV[5]) or '', '^(%d+) (.*)$')
  if not isNew and day == today then return end
  redis.call('HSET', KEYS[13], ARGV[5], today .. ' ' .. (not isNew and statuses or ARGV[7]))
  local pairs = redis.call('HGETALL', KEYS[13])
  for i = 1, #pairs, 2 do
    if tonumber(string.match(pairs[i + 1], '^%d+') or today) < now - 30 * DAY_MS then redis.call('HDEL', KEYS[13], pairs[i]) end
  end
end

-- Records the worker. Returns the pause of its queue, or ''.
local function announce()
  if leaseMs == 0 then
    removeWorker(ARGV[4])
  else
    local isNew = redis.call('ZADD', KEYS[12], now + leaseMs, ARGV[4]) == 1
    redis.call('HSET', KEYS[11], ARGV[4], string.format('%.0f', now) .. ' ' .. ARGV[6], ARGV[4] .. ' running', ARGV[9])
    noteConsumer(isNew)
    if ARGV[8] ~= '' and tonumber(redis.call('HGET', rulesKey, ARGV[8]) or 0) < now + leaseMs then
      redis.call('HSET', rulesKey, ARGV[8], string.format('%.0f', now + leaseMs))
    end
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[12], '-inf', now, 'LIMIT', 0, MAX_EXPIRED)) do removeWorker(id) end
  local paused, time = redis.call('HGET', KEYS[1], 'paused'), string.format('%.0f', now)
  return paused and paused > time and pauseOf(KEYS[10], ARGV[5], time) or ''
end

-- INFO can be denied. Without it, the caller does not know whether the server was restarted.
local info = redis.pcall('INFO', 'server')
local reply = { 'renewed', type(info) == 'string' and string.match(info, 'run_id:(%w+)') or '', ARGV[4] ~= '' and announce() or '' }
local ids = {}
for i = 10, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
local texts = ids[1] and redis.call('HMGET', KEYS[2], unpack(ids)) or {}
local change = leaseMs == 0 and stop or renew
-- Snapshots of one job can have several versions.
local states = {}
for n, id in ipairs(ids) do
  states[id] = states[id] or works.read(texts[n])
  local state = states[id]
  local changed = state and isPresent(state, ARGV[2 * n + 9]) and change(state)
  if changed then works.keep(id, state) end
  reply[n + 3] = changed and 1 or 0
end
works.finish()
return reply

-- Puts the stored messages of ended leases into the outbox, and messages that waited for a place. Comes after work-state.lua and contact.lua.
--
-- KEYS: 1 entries (stream), 8 work states and 9 their messages (hashes), 10 leases and 11 waits (sorted sets), 12 gaps (sorted set),
--       13 limits, 14 their lists and 15 their rules (see places.lua)
-- Replies: none of its own

local outboxKey, workKey, workMessagesKey, leasesKey, waitsKey, gapsKey, limitsKey, listsKey, rulesKey = KEYS[1], unpack(KEYS, 8, 15)

-- Maximum number of leases of each kind in one run.
local MAX_ENDED = 100

local function sendEnded(leaseNow)
  local ids = redis.call('ZRANGEBYSCORE', leasesKey, '-inf', leaseNow, 'LIMIT', 0, MAX_ENDED)
  local ofWorkers = #ids
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', waitsKey, '-inf', now, 'LIMIT', 0, MAX_ENDED)) do ids[#ids + 1] = id end
  if #ids == 0 and not redis.call('ZRANGEBYSCORE', listsKey, '-inf', now, 'LIMIT', 0, 1)[1] then return end
  local works = workStates(now, outboxKey, workKey, workMessagesKey, leasesKey, waitsKey, limitsKey, listsKey, rulesKey)
  local sum, largest = 0, 0
  for n, text in ipairs(#ids > 0 and redis.call('HMGET', workKey, unpack(ids)) or {}) do
    -- The next message is expected to be as large as the largest so far, as in outbox/claim.lua.
    if sum > 0 and sum + largest > MAX_SCRIPT_BYTES then break end
    local id, state = ids[n], works.read(text)
    if state then
      -- The set can still have the lease of an expired job whose id was used again.
      state.member = n <= ofWorkers and 'o' or 'w'
      works.settle(state, leaseNow)
      if state.lease == 'e' then
        local size = works.send(id, id, state, string.match(state.present, '^%d+'))
        sum, largest = sum + size, math.max(largest, size)
        state.lease = 'n'
      end
      works.keep(id, state)
    else
      redis.call('ZREM', leasesKey, id)
      redis.call('ZREM', waitsKey, id)
    end
  end
  works.finish()
  works.places().checkLists()
end

-- Measures reachable time: time in which processes had contact with this server. Leases of workers and timeouts follow it, so that an
-- outage does not end them. A gap of more than five seconds between two contacts does not count, and neither does a jump of the clock.
--
-- KEYS: metadata (hash) and gaps (sorted set), which the caller passes
-- Replies: none of its own
--
-- The metadata has `contact`, the time of the last contact, and `away`, the sum of all gaps. Reachable time is the clock of the server
-- minus `away`. A gap has the score of its end by the clock, and the member `<start> <away after the gap>`. The newest 1,000 are kept.

-- Newest format of a store that these scripts know. The same number is in store-format.ts.
local STORE_FORMAT = 1

-- Returns reachable time and `away` (ms) at this contact. `now`: clock of the server. `gapsKey` nil: measures without a contact, and
-- writes nothing. `last` and `away`: values of the metadata, if they were read. Returns nil without a contact if the store has a newer
-- format: the caller replies 'stale', if it has not compared the revision of the metadata.
local function contact(metadataKey, gapsKey, now, last, away)
  if not last then
    local format
    last, away, format = unpack(redis.call('HMGET', metadataKey, 'contact', 'away', 'format'))
    if gapsKey and format and (tonumber(format) or math.huge) > STORE_FORMAT then return nil end
  end
  now, away = tonumber(now), tonumber(away or 0)
  local gap = last and now - last
  local isAway = gap and (gap > 5000 or gap < 0)
  if isAway then away = away + gap end
  if not gapsKey then return now - away, away end
  if isAway then
    redis.call('ZADD', gapsKey, now, last .. ' ' .. away)
    local oldest = redis.call('ZRANGE', gapsKey, 0, -1001)[1]
    if oldest then redis.call('ZREM', gapsKey, oldest) end
    redis.call('HSET', metadataKey, 'contact', now, 'away', away)
  elseif not gap or gap >= 100 then
    -- A busy server has many contacts in a moment. Only some of them are written.
    redis.call('HSET', metadataKey, 'contact', now)
  end
  return now - away, away
end

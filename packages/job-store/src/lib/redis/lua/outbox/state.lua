-- Counts the messages of the outbox by the clock of this server, and finds the time of the first one. Reads only.
-- KEYS: 1 entries (stream, in commit order), 2 scheduled messages (number, scored by due time)
-- Replies: { 'state', number of entries and of delayed messages that are due, number of messages that are not due yet, time since which
--          the oldest of the former has waited (ms) or false, time of the server (ms) }

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local due = redis.call('ZCOUNT', KEYS[2], '-inf', now)

local oldest = math.huge
local entry = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if entry then
  -- The due time ends the origin. 0: the message was not delayed.
  local dueAt = string.match(entry[2][8] or '', ' ([1-9]%d*)$')
  oldest = tonumber(dueAt or string.match(entry[1], '^%d+'))
end
if due > 0 then oldest = math.min(oldest, redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]) end
local oldestText = oldest < math.huge and string.format('%.0f', oldest)
local waiting, scheduled = redis.call('XLEN', KEYS[1]) + due, redis.call('ZCOUNT', KEYS[2], '-inf', '+inf') - due
return { 'state', waiting, scheduled, oldestText, string.format('%.0f', now) }

-- Records connections that the caller has lost. What they sent may still arrive, after the caller has sent it again on another one:
-- scripts that change jobs refuse it. Entries older than the longest call are removed, because no call of theirs is in time.
-- KEYS: 1 metadata (hash)
-- ARGV: from 1 on, ids of connections
-- Replies: how many were recorded: none if there is no metadata, since nothing is carried out then

local callMs = redis.call('HGET', KEYS[1], 'callMs')
if not callMs then return 0 end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if string.sub(fields[i], 1, 5) == 'lost:' and now - fields[i + 1] > callMs + 1000 then redis.call('HDEL', KEYS[1], fields[i]) end
end
for i = 1, #ARGV do redis.call('HSET', KEYS[1], 'lost:' .. ARGV[i], string.format('%.0f', now)) end
return #ARGV

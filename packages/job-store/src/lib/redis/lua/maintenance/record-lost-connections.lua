-- Records connections that the caller has lost. A call that was sent on one of them may still arrive after the caller has sent it again
-- on another one: begin-write.lua rejects it. Entries older than the longest call are removed, because their calls are late anyway.
-- KEYS: 1 metadata (hash)
-- ARGV: from 1 on, ids of connections (8 characters each)
-- Replies: 1, or 0 if there is no metadata, because scripts do nothing then

local callMs, lost = unpack(redis.call('HMGET', KEYS[1], 'callMs', 'lost'))
if not callMs then return 0 end
local clock = redis.call('TIME')
local now = clock[1] .. string.sub(1000000 + clock[2], 2, 4)
local kept = {}
for id, at in string.gmatch(lost or '', '(%w+):(%d+)') do
  if now - at <= callMs + 1000 then kept[#kept + 1] = id .. ':' .. at end
end
for i = 1, #ARGV do kept[#kept + 1] = ARGV[i] .. ':' .. now end
redis.call('HSET', KEYS[1], 'lost', table.concat(kept, ' '))
return 1

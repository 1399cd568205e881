-- Records connections that the caller has lost. A call that was sent on one of them may still arrive after the caller has sent it again
-- on another one: begin-write.lua rejects it. Entries older than the longest call are removed, because their calls are late anyway.
-- Comes after metadata.lua.
-- ARGV: from 1 on, ids of connections (8 characters each)
-- Replies: 1, or 0 if there is no metadata, because scripts do nothing then

local callMs = redis.call('HGET', KEYS[1], 'callMs')
if not callMs then return 0 end
local kept = {}
for id, at in string.gmatch(metadata[4] or '', '(%w+):(%d+)') do
  if now - at <= callMs + 1000 then kept[#kept + 1] = id .. ':' .. at end
end
for i = 1, #ARGV do kept[#kept + 1] = ARGV[i] .. ':' .. now end
redis.call('HSET', KEYS[1], 'lost', table.concat(kept, ' '))
return 1

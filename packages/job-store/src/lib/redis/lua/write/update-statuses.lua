-- Changes the status of the job of each call. Comes after update-status.lua.
-- Replies: those of update-status.lua

local texts, first = readCalls(), 3
for i = 1, calls do
  local options = detailed and optionsOf(ARGV[first + 3]) or NO_OPTIONS
  push(reply, updateStatus(i, KEYS[4 + i], texts[i], first, options))
  first = first + (detailed and 4 + options.values or 2)
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
if works then works.finish(not metadata[5] and KEYS[1]) end

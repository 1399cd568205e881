-- Reads the pauses that have not ended. Reads only.
-- KEYS: 1 pauses (hash; see pauses.lua)
-- Replies: { 'pauses', queue, pause, queue, pause … }

local clock = redis.call('TIME')
local now = clock[1] .. string.sub('00000' .. clock[2], -6, -4)
local reply, pauses = { 'pauses' }, redis.call('HGETALL', KEYS[1])
for i = 1, #pauses, 2 do
  local ending = string.match(pauses[i + 1], '^%d+ (%d+)')
  if ending and ending > now then
    reply[#reply + 1] = pauses[i]
    reply[#reply + 1] = pauses[i + 1]
  end
end
return reply

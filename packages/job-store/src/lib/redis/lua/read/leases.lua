-- Reads the leases of jobs. Reads only. Comes after contact.lua.
-- KEYS: 1 metadata (hash), 2 work states (hash)
-- ARGV: from 1 on, ids of jobs
-- Replies: { 'leases', for each job: false if it has none, else its createdAt, the version that it has, the end of the lease by the clock
--          (ms), and 'o' if a worker owns it, else 'w', with spaces between them }

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local _, away = contact(KEYS[1], nil, now)
local reply = { 'leases' }
for n, text in ipairs(redis.call('HMGET', KEYS[2], unpack(ARGV))) do
  local created, lease, ending, version = string.match(text or '', '^(%d+) %d+ ([ow]) (%d+) %d+ (%d+)')
  if lease == 'o' then ending = ending + away end
  local isOver = not lease or tonumber(ending) <= now
  reply[n + 1] = not isOver and created .. ' ' .. version .. ' ' .. string.format('%.0f', ending) .. ' ' .. lease
end
return reply

-- Reads the leases of jobs. Reads only. Comes after contact.lua and lease-of.lua.
-- KEYS: 1 metadata (hash), 2 work states (hash)
-- ARGV: from 1 on, ids of jobs
-- Replies: { 'leases', for each job its lease as lease-of.lua returns it }

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local _, away = contact(KEYS[1], nil, now)
local reply = { 'leases' }
for n, text in ipairs(redis.call('HMGET', KEYS[2], unpack(ARGV))) do reply[n + 1] = leaseOf(text, now, away) end
return reply

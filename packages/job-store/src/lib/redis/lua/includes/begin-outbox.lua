-- Begins every script of the outbox that writes.
--
-- KEYS: 1 entries (stream, in commit order), 2 claims (entry id, scored by the end of its claim), 3 last entry that was ever claimed,
--       4 rejected (entry id, scored by its time), 5 rejected entries (entry id -> fields and reason)
-- ARGV: 1 deadline (ms by this server's clock); then the arguments of the command
-- Replies: { 'late', now }  the deadline has passed: nothing was changed, and nothing will be

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[1]) then return { 'late', string.format('%.0f', now) } end

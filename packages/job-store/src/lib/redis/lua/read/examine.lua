-- Reads a job, its lease, and the time at which a message of the job was published last. Reads only. Comes after contact.lua, get-record.lua
-- and lease-of.lua.
-- KEYS: 1 metadata (hash), 2 the job, 3 work states (hash), 4 published messages (sorted set; see outbox/acknowledge.lua)
-- ARGV: 1 id of the job
-- Replies: { 'examined', record or false, '1' if the value of the key is not a string, else '', its lease as lease-of.lua returns it, time
--          of the last publication (s) or false, time of the first one that is known (s) or false, now (ms) }

local record, foreign = getRecord(KEYS[2])
if type(record) == 'table' then return record end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local _, away = contact(KEYS[1], nil, now)
local lease = leaseOf(redis.call('HGET', KEYS[3], ARGV[1]), now, away)
local published = redis.call('ZSCORE', KEYS[4], ARGV[1])
local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2]
return { 'examined', record, foreign, lease, published, first or false, now }

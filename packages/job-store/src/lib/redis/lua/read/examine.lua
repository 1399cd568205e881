-- Reads a job, its lease, its messages that wait for a place, and the time at which a message of the job was published last. Reads only.
-- Comes after contact.lua, get-record.lua, lease-of.lua and places.lua.
-- KEYS: 1 metadata (hash), 2 the job, 3 work states (hash), 4 published messages (sorted set; see outbox/acknowledge.lua), 5 limits (sorted
--       set) and 6 their rules (hash; see places.lua)
-- ARGV: 1 id of the job
-- Replies: { 'examined', record or false, '1' if the value of the key is not a string, else '', its lease as lease-of.lua returns it, time
--          of the last publication (s) or false, time of the first one that is known (s) or false, now (ms), { queue (JSON), createdAt of
--          the job, key, newest maximum or false, number of places that are taken, number of messages that arrived earlier } … }

local record, foreign = getRecord(KEYS[2])
if type(record) == 'table' then return record end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local _, away = contact(KEYS[1], nil, now)
local work = redis.call('HGET', KEYS[3], ARGV[1])
local published = redis.call('ZSCORE', KEYS[4], ARGV[1])
local first = redis.call('ZRANGE', KEYS[4], 0, 0, 'WITHSCORES')[2]
local reply = { 'examined', record, foreign, leaseOf(work, now, away), published, first or false, now }

local places = newPlaces(now, nil, KEYS[3], nil, KEYS[5], nil, KEYS[6])
for queue, arrival, key in string.gmatch(work or '', '\np([^\t\n]*)\t(%d+) 0 %d+ %d+ ([^\n]*)') do
  local start, max = key .. '\tw' .. queue .. '\t', redis.call('HGET', KEYS[6], string.match(key, '^[^=]*') .. '\t' .. queue)
  local ahead = redis.call('ZLEXCOUNT', KEYS[5], '[' .. start, '(' .. start .. arrival)
  reply[#reply + 1] = { queue, string.match(work, '^%d+'), key, max, places.taken(key), ahead }
end
return reply

-- A job, where the log ends at that moment, and the time of this server. Reads only.
-- KEYS: 1 map, 2 the job
-- Replies: { 'snapshot', record or false, the log's own number, number of the last event, now (ms), '1' if the key holds
--          something else than text }

local map = redis.call('HMGET', KEYS[1], 'log', 'events')
local record, foreign = redis.pcall('GET', KEYS[2]), ''
if type(record) == 'table' then
  if not string.find(record.err, 'WRONGTYPE', 1, true) then return record end
  record, foreign = false, '1'
end
local clock = redis.call('TIME')
return { 'snapshot', record, map[1], map[2], clock[1] * 1000 + math.floor(clock[2] / 1000), foreign }

-- Reads a job, the end of the event log at that moment, and the time of this server. Reads only. Comes after get-record.lua.
-- KEYS: 1 metadata (hash), 2 the job
-- Replies: { 'snapshot', record or false, number of the log, number of the last event, now (ms), '1' if the value of the key is not a
--          string, else '' }

local metadata = redis.call('HMGET', KEYS[1], 'log', 'events')
local record, foreign = getRecord(KEYS[2])
if type(record) == 'table' then return record end
local clock = redis.call('TIME')
return { 'snapshot', record, metadata[1], metadata[2], clock[1] * 1000 + math.floor(clock[2] / 1000), foreign }

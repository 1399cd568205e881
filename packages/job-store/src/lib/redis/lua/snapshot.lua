-- A job, and where the log ends at that moment. Reads only.
-- KEYS: 1 map, 2 the job
-- Replies: { 'snapshot', record or false, the log's own number, number of the last event }

local map = redis.call('HMGET', KEYS[1], 'log', 'events')
return { 'snapshot', redis.call('GET', KEYS[2]), map[1], map[2] }

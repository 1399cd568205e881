-- Reads the work states of jobs and the times that their leases need, in one step. Used on a cluster, for which the keys select the server.
-- KEYS: 1 metadata (hash), 2 work states (hash)
-- ARGV: from 1 on, ids of jobs
-- Replies: { 'leases', states of the jobs, `contact` and `away` of the metadata, seconds and microseconds of the clock }

local states = redis.call('HMGET', KEYS[2], unpack(ARGV))
return { 'leases', states, redis.call('HMGET', KEYS[1], 'contact', 'away'), redis.call('TIME') }

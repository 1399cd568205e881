-- Reads jobs, in order, as many as one script may touch. Reads only. Comes after touch.lua.
-- KEYS: 1 map; from 2 on, the jobs
-- ARGV: 1 revision of the map the caller knows
-- Replies: { 'stale' } or { 'read', record or false … } for at least the first of the jobs

local map = redis.call('HMGET', KEYS[1], 'revision', 'largest')
if map[1] ~= ARGV[1] then return { 'stale' } end
return { 'read', unpack(redis.call('MGET', unpack(KEYS, 2, reach(2, tonumber(map[2] or DEFAULT_LARGEST))))) }

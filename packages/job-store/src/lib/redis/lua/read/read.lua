-- Reads jobs, in order, as many as one script may read. Reads only. Comes after read-limit.lua.
-- KEYS: 1 metadata (hash); from 2 on, the jobs
-- ARGV: 1 revision of the metadata that the caller knows
-- Replies: { 'stale' } or { 'read', record or false … } for at least the first job

local metadata = redis.call('HMGET', KEYS[1], 'revision', 'largest')
if metadata[1] ~= ARGV[1] then return { 'stale' } end
return { 'read', unpack(redis.call('MGET', unpack(KEYS, 2, lastReadable(2, tonumber(metadata[2] or DEFAULT_LARGEST))))) }

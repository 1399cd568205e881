-- Writes the metadata of a store, unless another client has changed it since the caller read it. New metadata starts a new event log.
-- KEYS: 1 metadata (hash), 2 events (stream)
-- ARGV: 1 revision that the caller read, '' for none; then field, value, field, value … (with a new revision, unless status codes and
--       index fields stay as they are)
-- Replies: 1 written, 0 the metadata has changed

local revision = redis.call('HGET', KEYS[1], 'revision')
if (revision or '') ~= ARGV[1] then return 0 end
if not revision then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1

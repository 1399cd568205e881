-- Records the map: which definition lives here, and what each code of the index stands for. Only if nobody else has
-- done so since the caller read it. A new map begins a new log.
-- KEYS: 1 map, 2 events (stream)
-- ARGV: 1 revision the caller read, '' for none; then field, value, field, value … (with a new revision, unless codes and
--       fields stay as they are)
-- Replies: 1 recorded, 0 the map has changed

local revision = redis.call('HGET', KEYS[1], 'revision')
if (revision or '') ~= ARGV[1] then return 0 end
if not revision then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1

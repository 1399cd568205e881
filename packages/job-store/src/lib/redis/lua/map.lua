-- Records the map: which definition lives here, and what each code of the index stands for. Only if nobody else has
-- done so since the caller read it. A new map begins a new log.
-- KEYS: 1 map, 2 events (stream)
-- ARGV: 1 edition the caller read, '' for none; then field, value, field, value … (with a new edition, unless codes and
--       fields stay as they are)
-- Replies: 1 recorded, 0 the map has changed

local edition = redis.call('HGET', KEYS[1], 'edition')
if (edition or '') ~= ARGV[1] then return 0 end
if not edition then redis.call('DEL', KEYS[2]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1

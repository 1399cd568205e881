-- Records the map: which definition lives here, and what each code of the index stands for. Only if nobody else has
-- done so since the caller read it.
-- KEYS: 1 map
-- ARGV: 1 edition the caller read, '' for none; then field, value, field, value …
-- Replies: 1 recorded, 0 the map has changed

if (redis.call('HGET', KEYS[1], 'edition') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1

-- One step of a walk over the server's keys. A script, because a cluster sends SCAN to any of its nodes. Reads only.
-- KEYS: 1 map, which is on the server meant
-- ARGV: 1 cursor, 2 pattern of the keys, 3 how many to look at
-- Replies: { cursor, { key … } }

return redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])

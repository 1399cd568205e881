-- Ends the pause of a queue. A repeated call returns the first reply. Comes after change-pauses.lua.
-- ARGV: 4 operation, by which a repeated call is recognized
-- Replies: { 'resumed', 1 if the queue was paused, else 0 }

if redis.call('HGET', KEYS[1], 'resumed') == ARGV[4] then return { 'resumed', 1 } end
if not pauseOf(KEYS[2], ARGV[3], now) then return { 'resumed', 0 } end
removePause(ARGV[3])
finishChange()
redis.call('HSET', KEYS[1], 'resumed', ARGV[4])
return { 'resumed', 1 }

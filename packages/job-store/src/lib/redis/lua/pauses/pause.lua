-- Pauses a queue, or replaces the end, reason and author of its pause. Comes after change-pauses.lua.
-- ARGV: 4 end (13 digits), 5 reason and author (JSON), 6 '1' keeps a pause that does not end earlier
-- Replies: { 'paused' }

local pause, begin, ending = pauseOf(KEYS[2], ARGV[3], now)
if not (pause and ARGV[6] == '1' and ending >= ARGV[4]) then
  redis.call('HSET', KEYS[2], ARGV[3], (begin or now) .. ' ' .. ARGV[4] .. '\n' .. ARGV[5])
  finishChange()
end
return { 'paused' }

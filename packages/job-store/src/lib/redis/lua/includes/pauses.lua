-- Reads the pauses of queues.
-- Replies: none of its own
--
-- The pauses are a hash: queue (JSON) -> '<begin> <end>' (ms, 13 digits each), a line break, and reason and author (JSON). A pause without an
-- end has NEVER. The metadata has `paused`, the latest end of a pause, so that a claim reads the hash only if a pause can exist.

-- Returns the pause of a queue, its begin and its end, or nil if there is none or it has ended. `now`: 13 digits.
local function pauseOf(pausesKey, queue, now)
  local pause = redis.call('HGET', pausesKey, queue)
  local begin, ending = string.match(pause or '', '^(%d+) (%d+)')
  if ending and ending > now then return pause, begin, ending end
  return nil
end

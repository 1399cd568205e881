-- Reports a job that was written into a status with a time of entry in the past, so that its timeout is not missed.
--
-- KEYS: 1 metadata (hash)
-- Replies: none of its own

-- `score`: score of the job in the index by status.
local function noteEntry(score)
  local entered = score % SPAN
  local timeouts, from = unpack(redis.call('HMGET', KEYS[1], 'timeouts', 'timeoutsFrom'))
  if timeouts and (not from or from == '' or entered < tonumber(from)) then
    redis.call('HSET', KEYS[1], 'timeoutsFrom', string.format('%.0f', entered))
  end
end

-- Removes entries, also rejected ones, and notes the time for jobs whose messages were published. Comes after begin-outbox.lua.
-- KEYS: 6 published messages (job id, scored by the time at which the latest entry of the job was acknowledged, in seconds)
-- ARGV: from 2 on, for each entry: its id, and the id of its job, or '' if this process has not claimed it
-- Replies: { 'done', number of entries that were handled }

-- The newest MAX_PUBLISHED times are kept, and more until the next trim. There is about one trim for TRIM_EVERY jobs, and a trim removes at most
-- MAX_TRIMMED times. So trims remove more than is added.
local MAX_PUBLISHED, MAX_TRIMMED, TRIM_EVERY = 10000, 5000, 500

local ids, published = {}, {}
for i = 2, #ARGV, 2 do
  local id, jobId = ARGV[i], ARGV[i + 1]
  ids[#ids + 1] = id
  if redis.call('XDEL', KEYS[1], id) == 0 then
    redis.call('ZREM', KEYS[4], id)
    redis.call('HDEL', KEYS[5], id)
  elseif jobId ~= '' then
    local n = #published
    -- The seconds are text already. To format milliseconds would be expensive.
    published[n + 1] = clock[1]
    published[n + 2] = jobId
  end
end
redis.call('ZREM', KEYS[2], unpack(ids))
if published[1] then
  redis.call('ZADD', KEYS[6], unpack(published))
  -- Not every run trims, because each count costs as much as some of the other commands.
  if now % TRIM_EVERY < #published / 2 then
    local spare = redis.call('ZCOUNT', KEYS[6], '-inf', '+inf') - MAX_PUBLISHED
    if spare > 0 then
      redis.call('ZREM', KEYS[6], unpack(redis.call('ZRANGE', KEYS[6], 0, math.min(spare, MAX_TRIMMED) - 1)))
    end
  end
end
return { 'done', #ids }

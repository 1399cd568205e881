-- Removes entries, also rejected ones, and notes the time for jobs whose messages were published. Comes after begin-outbox.lua.
-- KEYS: 6 published messages (job id, scored by the time at which the latest entry of the job was acknowledged)
-- ARGV: from 2 on, for each entry: its id, and the id of its job, or '' if this process has not claimed it
-- Replies: { 'done', number of entries that were handled }

-- The newest of these are kept, and up to this number more of the older ones.
local MAX_PUBLISHED, MAX_SPARE = 10000, 1000

local ids, published = {}, {}
for i = 2, #ARGV, 2 do
  local id, jobId = ARGV[i], ARGV[i + 1]
  ids[#ids + 1] = id
  if redis.call('XDEL', KEYS[1], id) == 0 then
    redis.call('ZREM', KEYS[4], id)
    redis.call('HDEL', KEYS[5], id)
  elseif jobId ~= '' then
    local n = #published
    published[n + 1] = now
    published[n + 2] = jobId
  end
end
redis.call('ZREM', KEYS[2], unpack(ids))
if published[1] then
  redis.call('ZADD', KEYS[6], unpack(published))
  local spare = redis.call('ZCOUNT', KEYS[6], '-inf', '+inf') - MAX_PUBLISHED
  if spare >= MAX_SPARE then redis.call('ZREM', KEYS[6], unpack(redis.call('ZRANGE', KEYS[6], 0, spare - 1))) end
end
return { 'done', #ids }

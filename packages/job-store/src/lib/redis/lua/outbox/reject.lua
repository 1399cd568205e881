-- Moves entries to the rejected ones, with a reason, as many as one script may read. Comes after read-limit.lua and begin-outbox.lua.
-- ARGV: 2 reason (JSON); from 3 on, entry ids
-- Replies: { 'done', number of ids that were handled }

local largestRead = 0
for i = 3, #ARGV do
  -- As in claim.lua, the size of a message is known only after it was read.
  if bytesRead + largestRead > MAX_SCRIPT_BYTES then return { 'done', i - 3 } end
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if entry then
    -- cjson keeps an array of strings unchanged, unlike other values.
    local fields = entry[2]
    local size = #(fields[6] or '')
    bytesRead, largestRead = bytesRead + size, math.max(largestRead, size)
    fields[#fields + 1] = 'reason'
    fields[#fields + 1] = ARGV[2]
    redis.call('HSET', KEYS[5], ARGV[i], cjson.encode(fields))
    redis.call('ZADD', KEYS[4], string.match(ARGV[i], '^%d+'), ARGV[i])
    redis.call('XDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return { 'done', #ARGV - 2 }

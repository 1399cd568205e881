-- Sets entries aside with a reason, as many as one script may touch. Comes after touch.lua and outbox.lua.
-- ARGV: 2 reason (JSON); from 3 on, entry ids
-- Replies: { 'done', how many ids it came to }

local widest = 0
for i = 3, #ARGV do
  -- As in outbox-claim.lua, a message's size shows only once it is read.
  if touched + widest > MAX_SCRIPT_BYTES then return { 'done', i - 3 } end
  local entry = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])[1]
  if entry then
    -- Strings in an array are the one thing that cjson carries unchanged.
    local fields = entry[2]
    local size = #(fields[6] or '')
    touched, widest = touched + size, math.max(widest, size)
    fields[#fields + 1] = 'reason'
    fields[#fields + 1] = ARGV[2]
    redis.call('HSET', KEYS[5], ARGV[i], cjson.encode(fields))
    redis.call('ZADD', KEYS[4], string.match(ARGV[i], '^%d+'), ARGV[i])
    redis.call('XDEL', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return { 'done', #ARGV - 2 }

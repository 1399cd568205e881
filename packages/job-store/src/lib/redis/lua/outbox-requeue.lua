-- Stores rejected entries anew, behind all others, without their reason.
-- ARGV: from 2 on, entry ids
-- Replies: { 'done' }

for i = 2, #ARGV do
  local stored = redis.call('HGET', KEYS[5], ARGV[i])
  if stored then
    local fields = cjson.decode(stored)
    redis.call('XADD', KEYS[1], '*', unpack(fields, 1, #fields - 2))
    redis.call('HDEL', KEYS[5], ARGV[i])
    redis.call('ZREM', KEYS[4], ARGV[i])
  end
end
return { 'done' }

-- Removes entries, also rejected ones. Comes after begin-outbox.lua.
-- ARGV: from 2 on, entry ids
-- Replies: { 'done', number of ids that were handled }

for i = 2, #ARGV do
  redis.call('XDEL', KEYS[1], ARGV[i])
  redis.call('ZREM', KEYS[2], ARGV[i])
  redis.call('ZREM', KEYS[4], ARGV[i])
  redis.call('HDEL', KEYS[5], ARGV[i])
end
return { 'done', #ARGV - 1 }

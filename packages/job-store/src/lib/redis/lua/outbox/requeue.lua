-- Adds rejected entries to the end of the outbox again, without their reason, as many as one script may read. Comes after
-- read-limit.lua and begin-outbox.lua.
-- ARGV: from 2 on, entry ids
-- Replies: { 'done', number of ids that were handled }

for i = 2, #ARGV do
  bytesRead = bytesRead + redis.call('HSTRLEN', KEYS[5], ARGV[i])
  if bytesRead > MAX_SCRIPT_BYTES and i > 2 then return { 'done', i - 2 } end
  local stored = redis.call('HGET', KEYS[5], ARGV[i])
  if stored then
    local fields = cjson.decode(stored)
    -- A message that was delayed is due now.
    if fields[7] == 'origin' then fields[8] = string.gsub(fields[8], ' [1-9]%d*$', ' ' .. now) end
    redis.call('XADD', KEYS[1], '*', unpack(fields, 1, #fields - 2))
    redis.call('HDEL', KEYS[5], ARGV[i])
    redis.call('ZREM', KEYS[4], ARGV[i])
  end
end
return { 'done', #ARGV - 1 }

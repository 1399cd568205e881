-- Reads rejected entries of the outbox, in order, as many as one script may read. Reads only. Comes after read-limit.lua.
-- KEYS: 1 rejected entries (hash: entry id -> fields and reason)
-- ARGV: from 1 on, entry ids
-- Replies: { 'rejected', fields and reason (JSON) or false … } for at least the first entry

local last = #ARGV
for i = 1, #ARGV do
  bytesRead = bytesRead + redis.call('HSTRLEN', KEYS[1], ARGV[i])
  if bytesRead > MAX_SCRIPT_BYTES and i > 1 then
    last = i - 1
    break
  end
end
return { 'rejected', unpack(redis.call('HMGET', KEYS[1], unpack(ARGV, 1, last))) }

-- Stores messages in the outbox. Comes after begin-write.lua.
-- Replies: none of its own

local send
if detailed then
  -- A message has two values: its id (JSON) or '', and the message (JSON). Its origin is the change that stores it.
  function send(id, created, attempt, version, first, last)
    local origin = created .. ' ' .. attempt .. ' ' .. version .. ' 0'
    for i = first, last, 2 do
      local name, message = ARGV[i], ARGV[i + 1]
      if name == '' then name = '"' .. id .. '.' .. version .. '.' .. (i - first) / 2 .. '"' end
      if #message > largestWritten then largestWritten = #message end
      redis.call('XADD', outboxKey, '*', 'job', id, 'id', name, 'message', message, 'origin', origin)
    end
  end
end

-- Stores messages in the outbox. A delayed message is stored separately until it is due; see outbox/claim.lua. Comes after
-- begin-write.lua.
-- Replies: none of its own

local send
if detailed then
  -- A message has three values: its id (JSON) or '', its delay (ms) or '0', and the message (JSON). `id`, `created`, `attempt` and
  -- `version` are those of the job after the change.
  function send(id, created, attempt, version, first, last)
    for i = first, last, 3 do
      local name, delay, message = ARGV[i], ARGV[i + 1], ARGV[i + 2]
      if name == '' then name = '"' .. id .. '.' .. version .. '.' .. (i - first) / 3 .. '"' end
      if #message > largestWritten then largestWritten = #message end
      local dueAt = delay == '0' and delay or tostring(now + delay)
      local origin = created .. ' ' .. attempt .. ' ' .. version .. ' ' .. dueAt
      if delay == '0' then
        redis.call('XADD', outboxKey, '*', 'job', id, 'id', name, 'message', message, 'origin', origin)
      else
        -- The number has a fixed width, so that messages with the same due time keep their order.
        local number = string.format('%016.0f', redis.call('HINCRBY', scheduledEntriesKey, 'last', 1))
        local fields = { 'job', id, 'id', name, 'message', message, 'origin', origin }
        redis.call('HSET', scheduledEntriesKey, number, cjson.encode(fields))
        redis.call('ZADD', scheduledKey, dueAt, number)
      end
    end
  end
end

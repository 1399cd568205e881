-- Stores the messages of the status that jobs enter. Comes after begin-write.lua.
-- Replies: none of its own
--
-- SENDS has a line for each message: the index field in which the job must have a value, or nothing, then a space and the queue (JSON).

local queuesFor, sendEntered
if SENDS ~= '' then
  -- Returns the queues (JSON) to which a job with these fields (one per line) sends a message.
  function queuesFor(fields)
    local queues = {}
    for field, queue in string.gmatch(SENDS, '([^ \n]*) ([^\n]+)') do
      if field == '' or find('\n' .. fields, '\n' .. field .. '=', 1, true) then queues[#queues + 1] = queue end
    end
    return queues
  end

  -- Stores the messages. `queues`: as returned by queuesFor. `place`: position of the first one. `headers`: JSON, or '' for none.
  function sendEntered(id, created, attempt, version, queues, place, headers, fields)
    local members = {}
    for field, value in string.gmatch(fields, '([^\n=]+)=([^\n]*)') do members[#members + 1] = '"' .. field .. '":' .. value end
    local rest = ',"headers":' .. (headers == '' and '{}' or headers) .. ',"payload":{"jobId":"' .. id .. '","status":' .. STATUS
      .. ',"fields":{' .. table.concat(members, ',') .. '}}}'
    local origin = created .. ' ' .. attempt .. ' ' .. version .. ' 0'
    for n, queue in ipairs(queues) do
      local name, message = '"' .. id .. '.' .. version .. '.' .. place + n - 1 .. '"', '{"queue":' .. queue .. rest
      if #message > largestWritten then largestWritten = #message end
      redis.call('XADD', outboxKey, '*', 'job', id, 'id', name, 'message', message, 'origin', origin)
    end
  end
end

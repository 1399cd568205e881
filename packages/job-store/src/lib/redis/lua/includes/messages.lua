-- Stores messages in the outbox. Comes after begin-write.lua.
-- Replies: none of its own

local send, sendEntered
if detailed or SENDS ~= '' then
  local function store(id, version, place, name, message)
    if name == '' then name = '"' .. id .. '.' .. version .. '.' .. place .. '"' end
    if #message > largestWritten then largestWritten = #message end
    redis.call('XADD', outboxKey, '*', 'job', id, 'id', name, 'message', message)
  end

  -- Stores the messages of a change. A message has two values: its id (JSON) or '', and the message (JSON).
  function send(id, version, first, last)
    for i = first, last, 2 do store(id, version, (i - first) / 2, ARGV[i], ARGV[i + 1]) end
  end

  -- Stores the messages of the status that a job has entered. SENDS has a line for each: the index field that the job must have a value
  -- in, or nothing, then a space and the queue (JSON). `place`: position of the first one. `headers`: JSON or ''. `fields`: fields of
  -- the job (one per line).
  function sendEntered(id, version, place, headers, fields)
    local members = {}
    for field, value in string.gmatch(fields, '([^\n=]+)=([^\n]*)') do members[#members + 1] = '"' .. field .. '":' .. value end
    local payload = '{"jobId":"' .. id .. '","status":' .. STATUS .. ',"fields":{' .. table.concat(members, ',') .. '}}'
    headers = headers == '' and '{}' or headers
    for field, queue in string.gmatch(SENDS, '([^ \n]*) ([^\n]+)') do
      if field == '' or find('\n' .. fields, '\n' .. field .. '=', 1, true) then
        store(id, version, place, '', '{"queue":' .. queue .. ',"headers":' .. headers .. ',"payload":' .. payload .. '}')
        place = place + 1
      end
    end
  end
end

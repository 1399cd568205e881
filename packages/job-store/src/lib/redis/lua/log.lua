-- Put after places.lua before every script that adds events to the log.
--
-- KEYS: 6 events (stream)
-- ARGV: 4 events kept
-- Replies: none of its own

-- Adds an event to the log. Its id is its number in the log and the log's own: numbers without a hole let a reader see
-- what was trimmed before he came, and the log's own number that this is another log. `rest` is the JSON after the id.
local function announce(kind, id, rest)
  local number = redis.call('HINCRBY', KEYS[1], 'events', 1)
  local event = { 'MAXLEN', '~', ARGV[4], int(number) .. '-' .. map[2], 'event',
    '{"type":"' .. kind .. '","id":"' .. id .. '","at":' .. int(now) .. rest .. '}' }
  local added = redis.pcall('XADD', KEYS[6], unpack(event))
  -- Somebody else has written to the log. It is begun anew, which its readers find out, because the job is written.
  if type(added) == 'table' and added.err then
    redis.call('DEL', KEYS[6])
    redis.call('XADD', KEYS[6], unpack(event))
  end
end

-- Put after places.lua before every script that adds events to the log.
--
-- KEYS: 6 events (stream)
-- ARGV: 4 events kept
-- Replies: none of its own
--
-- Events of one script share an entry of the stream, one a line. They are numbered without a hole, which lets a reader see
-- what was trimmed before he came; the entry's id is the number of its last event and the log's own number, which tells
-- him that this is another log.

local events = {}

-- `rest` is the JSON after the time.
local function announce(kind, id, rest)
  events[#events + 1] = '{"type":"' .. kind .. '","id":"' .. id .. '","at":' .. today .. rest .. '}'
end

-- Likewise, of a change of status. `remark` is as in the history.
local function announceChange(kind, id, from, to, version, remark)
  events[#events + 1] = '{"type":"' .. kind .. '","id":"' .. id .. '","at":' .. today .. ',"from":' .. from .. ',"to":' .. to
    .. ',"version":' .. version .. (remark == '' and '' or ',"remark":' .. string.sub(remark, 2)) .. '}'
end

-- Adds what was announced to the log.
local function publish()
  if #events == 0 then return end
  local last = redis.call('HINCRBY', KEYS[1], 'events', #events)
  local entry = { 'MINID', '~', int(math.max(0, last - ARGV[4])), int(last) .. '-' .. map[2],
    'events', table.concat(events, '\n') }
  local added = redis.pcall('XADD', KEYS[6], unpack(entry))
  -- Somebody else has written to the log. It is begun anew, which its readers find out, because the job is written.
  if type(added) == 'table' and added.err then
    redis.call('DEL', KEYS[6])
    redis.call('XADD', KEYS[6], unpack(entry))
  end
end

-- Adds the events of a script to the event log.
--
-- KEYS: 1 metadata (hash), 4 events (stream)
-- Replies: none of its own
--
-- One script adds one entry to the stream. The entry has a line for each different event, with the ids of its jobs. Events are
-- numbered without gaps, in the order of lines and ids. The id of an entry is the number of its last event and the number of the
-- log, so a reader detects trimmed events and a new log.

if #events > 0 then
  local count = 0
  for i = 1, #events do
    local event = events[i]
    local ids = idsByEvent[event]
    count = count + #ids
    events[i] = '{"ids":["' .. (ids[2] and table.concat(ids, '","') or ids[1]) .. '"],' .. event .. '}'
  end
  local last = redis.call('HINCRBY', KEYS[1], 'events', count)
  local entry, text = last .. '-' .. metadata[2], events[2] and table.concat(events, '\n') or events[1]
  local added = redis.pcall('XADD', KEYS[4], entry, 'events', text)
  if type(added) == 'table' and added.err then
    -- Another client has written to the log. A new log begins, which readers detect.
    redis.call('DEL', KEYS[4])
    redis.call('XADD', KEYS[4], entry, 'events', text)
  end
  if last % TRIM_EVENTS_EVERY < count then redis.call('XTRIM', KEYS[4], 'MINID', '~', math.max(0, last - EVENTS_KEPT)) end
end

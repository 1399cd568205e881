-- Creates jobs in the initial status, unless their ids exist already.
-- CALL: 1 record, with zeros in the place of the times; if calls have all values: 2 metadata of the change (JSON) or '',
--       3 fields (one per line), 4 headers of the messages of the status (JSON) or '', 5 number of values that follow: the messages
-- Replies: { 'created', createdAt of all jobs, perhaps 'grown' }  if no id existed; else for each call
--          'created', createdAt; 'exists', record; 'tooLarge', bytes; 'unreadable', ''

-- A job is created later than every deleted one, so that no snapshot of a deleted job matches it, even after the clock went back.
if metadata[6] and metadata[6] >= now then now = string.format('%.0f', metadata[6] + 1) end
local expires = TTL ~= '0' and tostring(now + TTL)
local score, times, event = CODE .. now, now .. ',' .. now, EVENT .. now

-- A script often has one call that needs only its record. This path creates no functions and tables.
if #KEYS == 5 and #ARGV[3] <= MAX_RECORD_BYTES and redis.call('MSETNX', KEYS[5], ARGV[3]) == 1 then
  local key = KEYS[5]
  local id = sub(key, ID_AT)
  redis.call('SETRANGE', key, TIMES_AT, times)
  if expires then redis.call('PEXPIREAT', key, expires) end
  redis.call('ZADD', KEYS[2], score, id)
  redis.call('ZADD', KEYS[3], now, id)
  largestWritten = #ARGV[3]
  reply = { 'created', now }
  addEvent(event, id)
else
  local byStatus, byCreation = {}, {}

  -- Completes a job whose record was written.
  local function complete(key, first)
    redis.call('SETRANGE', key, TIMES_AT, times)
    if expires then redis.call('PEXPIREAT', key, expires) end
    local id = sub(key, ID_AT)
    push(byStatus, score, id)
    push(byCreation, now, id)
    if #ARGV[first] > largestWritten then largestWritten = #ARGV[first] end
    if detailed then
      if FIELDS then indexFields(id, score, now, ARGV[first + 2]) end
      if ARGV[first + 4] ~= '0' then send(id, now, '1', '1', first + 5, first + 4 + ARGV[first + 4]) end
    end
    if SENDS ~= '' then
      local fields, headers, place = '', '', 0
      if detailed then fields, headers, place = ARGV[first + 2], ARGV[first + 3], ARGV[first + 4] / 3 end
      sendEntered(id, now, '1', '1', queuesFor(fields), place, headers, fields)
    end
    addEvent(detailed and ARGV[first + 1] ~= '' and event .. ',"remark":' .. ARGV[first + 1] or event, id)
  end

  local records, starts, at, fit = {}, {}, 3, true
  for i = 1, calls do
    local text = ARGV[at]
    records[2 * i - 1], records[2 * i], starts[i] = KEYS[4 + i], text, at
    fit = fit and #text <= MAX_RECORD_BYTES
    at = at + (detailed and 5 + ARGV[at + 4] or 1)
  end

  if fit and not repeated and redis.call('MSETNX', unpack(records)) == 1 then
    for i = 1, calls do complete(KEYS[4 + i], starts[i]) end
    reply = { 'created', now }
  else
    -- Some of the jobs exist, were created by an earlier attempt, or are too large.
    local bytesRead = 0
    local function create(key, first)
      local record = ARGV[first]
      if #record > MAX_RECORD_BYTES then return 'tooLarge', #record end
      -- In "ops" if no history is kept.
      local operation = match(record, '^[%d,]+%],"ops":"(%w+)', TIMES_AT + 1) or match(record, ',0,"(%w+)"', TIMES_AT)
      local known = repeated and operations()
      if known and known.hasTombstone(operation) then return 'deletedSince', '' end
      if redis.call('SET', key, record, 'NX') then
        complete(key, first)
        return 'created', now
      end
      local text = redis.pcall('GET', key)
      if type(text) == 'table' and find(text.err, 'WRONGTYPE', 1, true) then return 'unreadable', '' end
      -- Any other error ends the script.
      if type(text) ~= 'string' then text = redis.call('GET', key) end
      bytesRead = bytesRead + #text
      -- The history entry of this operation, or the operation itself in "ops".
      local own = repeated and (find(text, '\n%[1,null,".*",0,"' .. operation .. '"') or find(text, '"ops":"[^"]*' .. operation .. ' %d+ 1'))
      if own then return 'created', match(text, '"times":%[(%d+),') end
      return 'exists', text
    end
    for i = 1, calls do
      if i > 1 and bytesRead + largestStored > MAX_SCRIPT_BYTES then break end
      push(reply, create(KEYS[4 + i], starts[i]))
    end
  end
  if #byStatus > 0 then
    redis.call('ZADD', KEYS[2], unpack(byStatus))
    redis.call('ZADD', KEYS[3], unpack(byCreation))
  end
end

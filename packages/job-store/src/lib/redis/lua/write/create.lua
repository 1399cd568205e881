-- Creates jobs in the initial status, unless their ids exist already. Comes after new-job.lua.
-- CALL: 1 record, with zeros in the place of the times; if calls have all values: 2 metadata of the change (JSON) or '',
--       3 fields (one per line), 4 headers of the messages of the status (JSON) or '', 5 number of values that follow: the messages
-- Replies: { 'created', createdAt of all jobs, perhaps 'grown' }  if no id existed; else for each call
--          'created', createdAt; 'exists', record; 'tooLarge', bytes; 'unreadable', ''

-- A script often has one call that needs only its record. This path creates no functions and tables of its own.
if #KEYS == 5 and not detailed and #ARGV[3] <= MAX_RECORD_BYTES and redis.call('MSETNX', KEYS[5], ARGV[3]) == 1 then
  local key = KEYS[5]
  local id = sub(key, ID_AT)
  redis.call('SETRANGE', key, TIMES_AT, newTimes)
  if newExpiry then redis.call('PEXPIREAT', key, newExpiry) end
  redis.call('ZADD', KEYS[2], newScore, id)
  redis.call('ZADD', KEYS[3], createdAt, id)
  largestWritten = #ARGV[3]
  reply = { 'created', createdAt }
  addEvent(newEvent, id)
else
  local function complete(key, first)
    if detailed then
      completeJob(key, first, ARGV[first + 3], first + 5, first + 4 + ARGV[first + 4])
    else
      completeJob(key, first, '', 1, 0)
    end
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
    reply = { 'created', createdAt }
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
        return 'created', createdAt
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
  indexNewJobs()
end

-- Changes the status of a job to STATUS in its record and in the indexes. Comes after record.lua and record-parts.lua.
-- Replies: 'repeated', version and record  an earlier attempt of a call made the change, with this version

local expires = TTL ~= '0' and tostring(now + TTL)
local score = CODE .. now
-- `byStatus`: scores and ids for the index. `known`: functions of operations.lua, once a call needs them.
local byStatus, known = {}, repeated and operations()
-- `heads`: results of headOf. `latestHead`: the latest one, `latestBeginning` its beginning.
local heads, latestHead, latestBeginning = {}, nil, nil
local byte, OPEN, COLON = string.byte, string.byte('['), string.byte(':')

-- Returns the values that depend only on the beginning of a record up to its times, which is the same for many jobs.
local function headOf(beginning)
  local version, status, attempt, ttl = match(beginning, '^{"version":(%d+),"status":(".*"),"attempt":(%d+),"ttl":(%d+),"times":%[$')
  if not version then return nil end
  local restarts = find(FINALS, '\n' .. status .. '\n', 1, true)
  local newVersion, newAttempt = tostring(version + 1), restarts and tostring(attempt + 1) or attempt
  local head = {
    version = version, status = status, attempt = attempt, ttl = ttl,
    legal = find(SOURCES, '\n' .. status .. '\n', 1, true), restarts = restarts,
    -- A job has no lease in the other statuses of the definition.
    leasable = not find(UNLEASED, '\n' .. status .. '\n', 1, true),
    newVersion = newVersion, newAttempt = newAttempt,
    -- Conditions of a call that this job meets, without createdAt; see expectations.lua.
    expectedVersion = version .. ' ', expectedStatus = '  ' .. status,
    -- nil: the key has no expiry, and gets none.
    expires = expires,
    -- Text of the new record before and after createdAt.
    beforeCreated = '{"version":' .. newVersion .. ',"status":' .. STATUS .. ',"attempt":' .. newAttempt .. ',"ttl":' .. TTL .. ',"times":[',
    afterCreated = ',' .. now .. '],"history":[\n[' .. newVersion .. ',' .. status .. ',' .. STATUS .. ',' .. now .. ',',
    event = '"type":"status","from":' .. status .. ',"to":' .. STATUS .. ',"version":' .. newVersion .. ',"at":' .. now,
    -- Version, expiry and status in a work state.
    present = newVersion .. ' ' .. (expires or '0') .. ' ' .. STATUS,
  }
  if ttl == '0' and not expires then head.expires = nil end
  heads[beginning] = head
  return head
end

-- Returns the head of a record, createdAt, the operations without an entry, and the positions of the first entry, of the data, and of the end
-- of the text before the spaces. Returns nil if the text is not a record.
local function parse(text)
  if not text then return nil end
  local head = latestHead
  if not head or find(text, latestBeginning, 1, true) ~= 1 then
    local times = find(text, ',"times":[', 1, true)
    local beginning = times and sub(text, 1, times + 9)
    head = beginning and (heads[beginning] or headOf(beginning))
    if not head then return nil end
    latestHead, latestBeginning = head, beginning
  end
  local times = #latestBeginning + 1
  local created, ops, history
  -- Searches for plain texts are faster than patterns. Three times have fewer than 45 digits.
  local stop, comma = find(text, '],"history":[', times, true), find(text, ',', times, true)
  if stop and stop < times + 45 and comma < stop then
    created, ops, history = sub(text, times, comma - 1), '', stop + 13
  else
    created, ops, history = readTimes(text, times)
  end
  local data = created and find(text, '\n"data":', history, true)
  if not data then return nil end
  return head, created, ops, history, data, find(text, '\n ', history, true) or data
end

-- Returns the history entries with the end of the history, and the parts of the new record, and the operations without an entry.
-- `newParts`: for each changed part a line break, its name and a colon; then its value and a comma, or nothing to remove it.
local function change(text, history, stop, restarts, newParts, ops, created)
  local close = find(text, '\n],', history, true)
  local parts = (restarts or close + 3 == stop) and '' or sub(text, close + 3, stop - 1)
  if parts == '' and byte(newParts, -1) ~= COLON and not find(newParts, ':\n', 1, true) then
    parts = newParts
  elseif newParts ~= '' then
    for line, start in string.gmatch(newParts, '(\n("%a+":)[^\n]*)') do
      start = '\n' .. start
      parts = replacePart(parts, start, line == start and '' or sub(line, 2))
    end
  end
  local dropped = close - history > HISTORY_LENGTH and history
  for _ = 2, HISTORY_LIMIT do dropped = dropped and find(text, '\n', dropped + 1, true) end
  if dropped and dropped < close then
    known = known or operations()
    ops = known.recentOf(sub(text, dropped, close - 1), ops, created)
    -- The comma before it is removed, too.
    return sub(text, history, math.max(history - 1, dropped - 2)) .. '\n],', parts, ops
  end
  return sub(text, history, close + 2), parts, ops
end

-- Returns the event of a change. Of the metadata of a change, events have the author only, so that changes of many jobs share one.
local function eventOf(head, entry)
  if #entry == 10 then return head.event end
  if head.author and find(entry, head.author, 11, true) == 11 then return head.byAuthor end
  if find(entry, ',{"by":', 11, true) ~= 11 then return head.event end
  -- The author cannot contain these texts: its quotes are escaped.
  local stop = find(entry, ',"note":', 14, true) or find(entry, ',"key":', 14, true) or #entry
  head.author = sub(entry, 11, stop - 1)
  head.byAuthor = head.event .. ',"remark":' .. sub(head.author, 2) .. '}'
  return head.byAuthor
end

-- Writes the change. `head` to `stop`: as returned by parse. `entry`: end of the history entry. `newParts`: see change, or '' for none. Returns
-- the beginning of the new record and the old record, or the new record and '', or nil and the size if it would be too large.
local function enter(key, id, text, head, created, ops, history, data, stop, entry, newParts)
  local beforeCreated, afterCreated, newEntry, entries, parts = head.beforeCreated, head.afterCreated, entry, nil, ''
  if ops ~= '' then
    known = known or operations()
    ops = known.recent(ops, created)
  end
  if newParts ~= '' or head.restarts or stop - history > HISTORY_LENGTH then
    entries, parts, ops = change(text, history, stop, head.restarts, newParts, ops, created)
  else
    entries = sub(text, history, stop - 1)
  end
  local after = byte(entries, 2) == OPEN and '],' or ']'
  if HISTORY_LIMIT == 0 then
    known = known or operations()
    ops = known.add(ops, sub(entry, 2, 9), head.newVersion)
  end
  if ops ~= '' then afterCreated = ',' .. now .. '],"ops":"' .. ops .. '"' .. sub(afterCreated, #now + 3) end
  if HISTORY_LIMIT == 0 then afterCreated, newEntry, after = match(afterCreated, '^[^\n]*'), '', '' end

  -- Lua hashes each text that it makes, so the text that is written is also the one that is returned.
  local length = #beforeCreated + #created + #afterCreated + #newEntry + #after + #entries + #parts
  local filler, expires, newHead = fillerOf(length, stop, data, head.expires), head.expires, nil
  if filler then
    newHead = beforeCreated .. created .. afterCreated .. newEntry .. after .. entries .. parts .. filler
    redis.call('SETRANGE', key, '0', newHead)
    if expires then redis.call('PEXPIREAT', key, expires) end
  else
    local body = sub(text, data)
    local bytes = length + #body
    if bytes > MAX_RECORD_BYTES then
      local storesContent = match(newParts, '\n"progress":[^\n]') or match(newParts, '\n"result":[^\n]')
      if storesContent or bytes > MAX_RECORD_BYTES + MAX_EXCESS_BYTES then return nil, bytes end
    end
    newHead = beforeCreated .. created .. afterCreated .. newEntry .. after .. entries .. parts .. (FINAL and '' or roomFor(bytes)) .. body
    writeWhole(key, newHead, expires)
    text = ''
  end

  if FIELDS then indexFields(id, score, redis.call('ZSCORE', KEYS[3], id)) end
  push(byStatus, score, id)
  addEvent(eventOf(head, entry), id)
  return newHead, text
end

-- Returns the result of a call whose job has no readable record.
local function noRecord(key, text)
  if text then return 'unreadable', sub(text, 1, 8) end
  return redis.call('EXISTS', key) == 0 and 'missing' or 'unreadable', ''
end

local earlierResult
if repeated then
  -- Returns the result of a call that an earlier attempt has made, or nil. `entry`: end of its history entry.
  function earlierResult(entry, text, history, ops)
    local operation = sub(entry, 2, 9)
    if known.hasTombstone(operation) then return 'deletedSince', '' end
    local version = known.versionOf(operation, sub(text, history, find(text, '\n],', history, true)), ops)
    if version then return 'repeated', version .. ' ' .. text end
  end
end

-- Returns the records of the calls, and reads the ids of their jobs. MGET must not read more than a script may read, so `calls` can become smaller.
local function readCalls()
  if calls > 1 and calls * largestStored > MAX_SCRIPT_BYTES then
    local bytesRead = 0
    for i = 1, calls do
      local size = redis.pcall('STRLEN', KEYS[4 + i])
      bytesRead = bytesRead + (type(size) == 'number' and size or 0)
      if bytesRead > MAX_SCRIPT_BYTES then
        calls = math.max(1, i - 1)
        break
      end
    end
  end
  for i = 1, calls do ids[i] = sub(KEYS[4 + i], ID_AT) end
  return redis.call('MGET', unpack(KEYS, 5, 4 + calls))
end

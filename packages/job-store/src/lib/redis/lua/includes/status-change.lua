-- Changes the status of a job to STATUS in its record and in the indexes. Comes after record.lua and record-parts.lua.
-- Replies: none of its own

local expires = TTL ~= '0' and tostring(now + TTL)
local score = CODE .. now
-- `byStatus`: scores and ids for the index. `heads`: results of headOf. `known`: functions of operations.lua, once a call needs them.
local byStatus, heads, known = {}, {}, repeated and operations()

-- Returns the values that depend only on the beginning of a record, which is the same for many jobs.
local function headOf(beginning)
  local version, status, attempt, ttl = match(beginning, '^{"version":(%d+),"status":(".*"),"attempt":(%d+),"ttl":(%d+)$')
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
  }
  if ttl == '0' and not expires then head.expires = nil end
  heads[beginning] = head
  return head
end

-- Returns the head of a record, createdAt, the operations without an entry, and the positions of the first entry, of the data, and of the end
-- of the text before the spaces. Returns nil if the text is not a record.
local function parse(text)
  local times = find(text, ',"times":[', 1, true)
  local beginning = times and sub(text, 1, times - 1)
  local head = beginning and (heads[beginning] or headOf(beginning))
  if not head then return nil end
  local created, ops, history = readTimes(text, times + 10)
  local data = created and find(text, '\n"data":', history, true)
  if not data then return nil end
  return head, created, ops, history, data, find(text, '\n ', history, true) or data
end

-- Returns the history entries and the parts of the new record, and the operations without an entry.
local function change(text, history, stop, restarts, newParts, ops, created)
  local close = find(text, '\n],', history, true)
  local entries, parts = sub(text, history, close - 1), restarts and '' or sub(text, close + 3, stop - 1)
  if newParts ~= '' then
    local progress, result, failure = match(newParts, '^([^\n]*)\n([^\n]*)\n([^\n]*)$')
    parts = replacePart(parts, '\n"progress":', progress)
    parts = replacePart(replacePart(parts, '\n"result":', result), '\n"error":', failure)
  end
  local dropped = #entries > HISTORY_LENGTH and 1 or nil
  for _ = 2, HISTORY_LIMIT do dropped = dropped and find(entries, '\n', dropped + 1, true) end
  if dropped and dropped < #entries then
    known = known or operations()
    ops = known.recentOf(sub(entries, dropped), ops, created)
    -- The comma before it is removed, too.
    entries = sub(entries, 1, math.max(0, dropped - 2))
  end
  return entries, '\n],' .. parts, ops
end

-- Writes the change. `head` to `stop`: as returned by parse. `entry`: end of the history entry. `newParts`: lines of progress, result and
-- error, or ''. Returns the beginning of the new record, or nil and the size if it would be too large.
local function enter(key, text, head, created, ops, history, data, stop, entry, newParts)
  local afterCreated = head.afterCreated
  if ops ~= '' then
    known = known or operations()
    ops = known.recent(ops, created)
  end
  local entries, parts = nil, ''
  if newParts ~= '' or head.restarts or stop - history > HISTORY_LENGTH then
    entries, parts, ops = change(text, history, stop, head.restarts, newParts, ops, created)
  else
    entries = sub(text, history, stop - 1)
  end
  if HISTORY_LIMIT == 0 then
    known = known or operations()
    ops = known.add(ops, sub(entry, 2, 9), head.newVersion)
  end
  if ops ~= '' then afterCreated = ',' .. now .. '],"ops":"' .. ops .. '"' .. sub(afterCreated, #now + 3) end
  local newHead
  if HISTORY_LIMIT == 0 then
    newHead = head.beforeCreated .. created .. match(afterCreated, '^[^\n]*') .. entries .. parts
  else
    newHead = head.beforeCreated .. created .. afterCreated .. entry .. (sub(entries, 2, 2) == '[' and '],' or ']') .. entries .. parts
  end
  local bytes = writeHead(key, text, stop, data, newHead, head.expires, not FINAL)
  if bytes then return nil, bytes end

  local id, n = sub(key, ID_AT), #byStatus
  if FIELDS then indexFields(id, score, redis.call('ZSCORE', KEYS[3], id)) end
  byStatus[n + 1], byStatus[n + 2] = score, id
  addEvent(#entry == 10 and head.event or head.event .. ',"remark":' .. sub(entry, 12), id)
  return newHead
end

-- Returns the records of the calls. MGET must not read more than a script may read, so `calls` can become smaller.
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
  return redis.call('MGET', unpack(KEYS, 5, 4 + calls))
end

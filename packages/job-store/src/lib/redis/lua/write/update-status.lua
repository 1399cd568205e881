-- Changes the status of jobs to STATUS.
-- CALL: 1 operation (JSON) and metadata of the change, as they end a history entry, 2 expected version and createdAt, or '';
--       if calls have all values: 3 lines of progress, result and error ('=' keeps a line, '' removes it), or '' to keep all,
--       4 headers of the messages of the status (JSON) or '', 5 number of values that follow: the messages
-- Replies: for each call
--          beginning of the new record, old record  the status was changed: the data is that of the old record
--          'repeated', version and record           an earlier attempt changed the job to this version
--          'unchanged', record; 'conflict', version; 'illegal', status (JSON); 'tooLarge', bytes; 'missing', ''; 'unreadable', ''

local expires = TTL ~= '0' and tostring(now + TTL)
local score = CODE .. now
-- `byStatus`: scores and ids for the index. `heads`: results of headOf. `known`: functions of operations.lua, once a call needs them.
local byStatus, heads, known = {}, {}, repeated and operations()

-- Returns the values that depend only on the beginning of a record, which is the same for many jobs.
local function headOf(beginning)
  local version, status, attempt, ttl = match(beginning, '^{"version":(%d+),"status":(".*"),"attempt":(%d+),"ttl":(%d+)$')
  if not version then return nil end
  local restarts = find(FINALS, '\n' .. status .. '\n', 1, true)
  local newVersion = tostring(version + 1)
  local head = {
    version = version, status = status, legal = find(SOURCES, '\n' .. status .. '\n', 1, true), restarts = restarts,
    newVersion = newVersion,
    -- nil: the key has no expiry, and gets none.
    expires = expires,
    -- Text of the new record before and after createdAt.
    beforeCreated = '{"version":' .. newVersion .. ',"status":' .. STATUS .. ',"attempt":'
      .. (restarts and attempt + 1 or attempt) .. ',"ttl":' .. TTL .. ',"times":[',
    afterCreated = ',' .. now .. '],"history":[\n[' .. newVersion .. ',' .. status .. ',' .. STATUS .. ',' .. now .. ',',
    event = '"type":"status","from":' .. status .. ',"to":' .. STATUS .. ',"version":' .. newVersion .. ',"at":' .. now,
  }
  if ttl == '0' and not expires then head.expires = nil end
  heads[beginning] = head
  return head
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

-- `text`: the record, or nil. `first`: position of the call's values in ARGV. `times`, `history`, `stop` and `data` are positions in
-- `text`.
local function updateStatus(key, text, first)
  if not text then return redis.call('EXISTS', key) == 1 and 'unreadable' or 'missing', '' end
  local times = find(text, ',"times":[', 1, true)
  local beginning = times and sub(text, 1, times - 1)
  local head = beginning and (heads[beginning] or headOf(beginning))
  if not head then return 'unreadable', '' end
  local created, ops, history = readTimes(text, times + 10)
  local data = created and find(text, '\n"data":', history, true)
  if not data then return 'unreadable', '' end
  local stop = find(text, '\n ', history, true) or data
  local entry, expected = ARGV[first], ARGV[first + 1]
  if repeated then
    local operation = sub(entry, 2, 9)
    if known.hasTombstone(operation) then return 'deletedSince', '' end
    local version = known.versionOf(operation, sub(text, history, find(text, '\n],', history, true)), ops)
    if version then return 'repeated', version .. ' ' .. text end
  end
  if expected ~= '' and expected ~= head.version .. ' ' .. created then
    local version, creation = match(expected, '^(%d*) (%d*)$')
    if (version ~= '' and version ~= head.version) or (creation ~= '' and creation ~= created) then return 'conflict', head.version end
  end
  if not head.legal then
    if head.status == STATUS then return 'unchanged', text end
    return 'illegal', head.status
  end

  local afterCreated, newParts = head.afterCreated, detailed and ARGV[first + 2] or ''
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
  if bytes then return 'tooLarge', bytes end

  local id, n = sub(key, ID_AT), #byStatus
  if FIELDS then indexFields(id, score, redis.call('ZSCORE', KEYS[3], id)) end
  byStatus[n + 1], byStatus[n + 2] = score, id
  addEvent(#entry == 10 and head.event or head.event .. ',"remark":' .. sub(entry, 12), id)
  if detailed and ARGV[first + 4] ~= '0' then send(id, head.newVersion, first + 5, first + 4 + ARGV[first + 4]) end
  if SENDS ~= '' and head.status ~= STATUS then
    local fields = FIELDS and fieldsOf(id) or ''
    sendEntered(id, head.newVersion, detailed and ARGV[first + 4] / 2 or 0, detailed and ARGV[first + 3] or '', fields)
  end
  return newHead, text
end

-- MGET must not read more than a script may read.
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
local texts, first = redis.call('MGET', unpack(KEYS, 5, 4 + calls)), 3
for i = 1, calls do
  local text = texts[i]
  reply[2 * i], reply[2 * i + 1] = updateStatus(KEYS[4 + i], text, first)
  first = first + (detailed and 5 + ARGV[first + 4] or 2)
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end

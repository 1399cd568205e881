-- Writes complete jobs as given. If the job exists, its version is the stored one plus 1. Comes after work-of-call.lua
-- and late-entry.lua.
-- CALL: 1 operation, 2 version, 3 beginning of the record behind the version, 4 createdAt, 5 times behind createdAt, 6 history and
--       parts, 7 data (line, after a line break), 8 status (JSON), 9 score in the index by status, 10 time of expiry (ms) or '', 11 fields (one per line)
-- Replies: for each call, in which a space and the end of the lease (ms) follow 'saved' and 'repeated' if the job has one
--          'saved', record; 'repeated', version and record; 'conflict', version; 'expired', ''; 'tooLarge', bytes;
--          'unreadable', first bytes of the value

local byStatus, byCreation, bytesRead, known = {}, {}, 0, operations()

-- Updates the work state of a job that was saved: a worker's lease ends, and one that no worker owns continues if the job can have a lease
-- in the status. Returns its end after a space, or ''.
local function saveWork(id, state, before, version, status, expires)
  local leaseNow = contact(KEYS[1], nil, now)
  works.settle(state, leaseNow)
  if state.lease == 'o' then works.endLease(state, leaseNow) end
  works.count(state, before ~= status)
  state.present = version .. ' ' .. (expires == '' and '0' or expires) .. ' ' .. status
  local line = '\n' .. status .. '\n'
  if find(UNLEASED, line, 1, true) then
    local isFinal = find(FINALS, line, 1, true)
    -- Later changes of the job do not look for a lease, so its message is sent now.
    if not isFinal and state.lease ~= 'n' then works.send(id, id, state, version) end
    works.leave(id, state, isFinal)
  end
  works.keep(id, state)
  return untilOf(state)
end

local function save(i, key, operation, version, beginning, created, times, history, data, status, score, expires, fields)
  local stored = redis.pcall('GET', key)
  if type(stored) == 'table' then
    if find(stored.err, 'WRONGTYPE', 1, true) then return 'unreadable', '' end
    stored = redis.call('GET', key)
  end
  if repeated and known.hasTombstone(operation) then return 'deletedSince', '' end
  local from, ops, state = 'null', '', nil
  if stored then
    bytesRead = bytesRead + #stored
    local storedVersion, storedStatus, at = match(stored, '^{"version":(%d+),"status":(".-"),"attempt":%d+,"ttl":%d+,"times":%[()')
    local storedCreated, storedOps, first = readTimes(stored, at or 1)
    local close = at and first and find(stored, '\n],', first, true)
    if not close then return 'unreadable', sub(stored, 1, 8) end
    local entries = sub(stored, first, close)
    local before = repeated and known.versionOf(operation, entries, storedOps)
    if before then
      state = workKey and stateOf(i, storedCreated, match(stored, '"attempt":(%d+)'))
      return 'repeated' .. (state and untilOf(state) or ''), before .. ' ' .. stored
    end
    if storedVersion ~= version then return 'conflict', storedVersion end
    version, from, ops = version + 1, storedStatus, known.recentOf(entries, storedOps, storedCreated)
    if workKey then state = stateOf(i, storedCreated, match(stored, '"attempt":(%d+)')) end
  end
  if expires ~= '' and tonumber(expires) < tonumber(now) then return 'expired', '' end
  local head = '{"version":' .. version .. beginning .. ',"times":[' .. created .. times .. '],"ops":"'
    .. known.add(ops, operation, version) .. '","history":[' .. history
  local bytes = #head + #data
  if bytes > MAX_RECORD_BYTES then return 'tooLarge', bytes end
  local text = head .. roomFor(bytes) .. data
  writeWhole(key, text, expires ~= '' and expires)
  local id = ids[i]
  if FIELDS then indexFields(id, score, created, fields) end
  noteEntry(score)
  push(byStatus, score, id)
  push(byCreation, created, id)
  addEvent('"type":"saved","from":' .. from .. ',"to":' .. status .. ',"version":' .. version .. ',"at":' .. now, id)
  if not state then return 'saved', text end
  state.run = created .. ' ' .. match(beginning, '"attempt":(%d+),"ttl":%d+$')
  return 'saved' .. saveWork(id, state, from, version, status, expires), text
end

for i = 1, calls do ids[i] = sub(KEYS[4 + i], ID_AT) end
for i = 1, calls do
  if i > 1 and bytesRead + largestStored > MAX_SCRIPT_BYTES then break end
  push(reply, save(i, KEYS[4 + i], unpack(ARGV, 11 * i - 8, 11 * i + 2)))
end
if #byStatus > 0 then
  redis.call('ZADD', KEYS[2], unpack(byStatus))
  redis.call('ZADD', KEYS[3], unpack(byCreation))
end
if works then works.finish(not metadata[5] and KEYS[1]) end

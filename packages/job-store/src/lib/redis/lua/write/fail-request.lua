-- Fails jobs that a message requested and that no worker can work on: changes their status to an intermediate one, and then to STATUS.
-- Comes after status-change.lua and requests.lua.
-- CALL: 1 operation (JSON) and metadata of the second change, as they end a history entry, 2 further statuses in which the job can be claimed
--       (one per line, between line breaks), 3 intermediate status (JSON), 4 queue (JSON), 5 origin or '' (see requests.lua), 6 changed
--       parts (see `change` in status-change.lua), 7 operation and metadata of the first change, 8 headers of the messages of STATUS (JSON)
--       or ''
-- Replies: for each call
--          beginning of the new record, old record  the job was failed
--          'repeated', version and record           an earlier attempt failed the job, with this version
--          'outdated', ''; 'handled', ''; 'moved', ''; 'leased', ''; 'missing', '';
--          'unreadable', first bytes of the value

leaseNow = contact(KEYS[1], nil, now)

-- Returns true if the queue claimed the job, or another message of the queue was stored, after this message was stored and due.
local function hasNewer(state, queue, version, due)
  local latest, claimVersion, claimAt = works.claimOf(state)
  if latest == queue then
    claimVersion, claimAt = tonumber(claimVersion), tonumber(claimAt)
  else
    claimVersion, claimAt = works.markOf(state, 'c', queue)
  end
  if claimVersion and version < claimVersion and due <= claimAt then return true end
  local newest, newestDue = works.markOf(state, 'm', queue)
  if not newest or newest <= version then return false end
  return due <= newestDue or newest > (claimVersion or 0)
end

-- Writes a record with the intermediate status, and returns it.
local function passThrough(key, text, head, created, ops, history, status, entry)
  local change = '\n[' .. head.newVersion .. ',' .. head.status .. ',' .. status .. ',' .. now .. ',' .. entry
  local isFirst = sub(text, history + 1, history + 1) ~= '['
  local changed = '{"version":' .. head.newVersion .. ',"status":' .. status .. ',"attempt":' .. head.attempt .. ',"ttl":' .. head.ttl
    .. ',"times":[' .. created .. ',' .. now .. '],' .. (ops == '' and '' or '"ops":"' .. ops .. '",') .. '"history":['
    .. (HISTORY_LIMIT == 0 and '' or change .. (isFirst and ']' or '],')) .. sub(text, history)
  redis.call('SET', key, changed, 'KEEPTTL')
  local event = '"type":"status","from":' .. head.status .. ',"to":' .. status .. ',"version":' .. head.newVersion .. ',"at":' .. now
  addEvent(eventOf({ event = event }, entry), sub(key, ID_AT))
  return changed
end

-- `text`: the record, or nil. `first`: position of the call's values in ARGV.
local function failRequest(i, key, text, first)
  local head, created, ops, history, data, stop = parse(text)
  if not head then return noRecord(key, text) end
  local id, entry, status, queue = ids[i], ARGV[first], ARGV[first + 2], ARGV[first + 3]
  if repeated then
    local kind, detail = earlierResult(entry, text, history, ops)
    if kind then return kind, detail end
  end
  local state = stateOf(i, created, head.attempt, true)
  works.settle(state, leaseNow)
  local version, due, ofOther = originOf(ARGV[first + 4], nil, state)
  if not version or ofOther then return 'outdated', '' end
  if isHandled(state, queue, version, due) then return 'handled', '' end
  if not head.restarts and hasNewer(state, queue, version, due) then return 'handled', '' end
  if head.restarts or not (head.status == status or find(ARGV[first + 1], '\n' .. head.status .. '\n', 1, true)) then return 'moved', '' end
  if state.lease == 'o' or state.lease == 'w' then return 'leased', '' end

  local changed = passThrough(key, text, head, created, ops, history, status, ARGV[first + 6])
  head, created, ops, history, data, stop = parse(changed)
  local newHead, old = enter(key, id, changed, head, created, ops, history, data, stop, entry, ARGV[first + 5])
  works.count(state, true)
  state.present = head.present
  works.leave(id, state, FINAL)
  if SENDS ~= '' then
    local fields = FIELDS and fieldsOf(id) or ''
    local queues = queuesFor(fields)
    sendEntered(id, created, head.newAttempt, head.newVersion, queues, 0, ARGV[first + 7], fields)
    if not FINAL then
      for _, other in ipairs(queues) do works.addMessage(state, other, head.newVersion, now) end
    end
  end
  works.keep(id, state)
  return newHead, old
end

local texts = readCalls()
for i = 1, calls do
  push(reply, failRequest(i, KEYS[4 + i], texts[i], 8 * i - 5))
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
if works then works.finish(not metadata[5] and KEYS[1]) end

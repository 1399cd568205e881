-- Changes the status of jobs to STATUS. Comes after status-change.lua and, if calls can need it, work-of-call.lua.
-- CALL: 1 operation (JSON) and metadata of the change, as they end a history entry, 2 what the job must have (see expectations.lua), or '';
--       if calls have all values: 3 lines of progress, result and error ('=' keeps a line, '' removes it), or '' to keep all,
--       4 options: 'h' if the messages of the claim are handled, 'f' for a failed attempt, 'n' if the caller does not read the record,
--         and the duration of a lease (ms),
--       5 headers of the messages of the status (JSON) or '', 6 number of values that follow: the messages
-- Replies: for each call, in which a space and the end of the lease (ms) follow 'repeated' and 'made' if the job has one
--          beginning of the new record, old record  the status was changed: the data is that of the old record
--          'stored', ''                             the same, if the options have 'n'
--          'repeated', version and record           an earlier attempt changed the job to this version
--          'made', record                           one of the latest changes has the key of this one
--          'unchanged', record; 'conflict', version; 'illegal', status (JSON); 'noMessage', ''; 'tooLarge', bytes; 'missing', '';
--          'unreadable', ''

-- Updates the work state of a job after the change. `queues`: those of the messages of the status. `first`: position of the call's values in
-- ARGV.
local function changeWork(id, state, head, created, changeKey, leaseMs, queues, first)
  local options = detailed and ARGV[first + 3] or ''
  if head.restarts then
    local keys = state.more.keys
    state.attempt, state.more = head.newAttempt, { keys = keys }
  end
  local more, moved = state.more, head.status ~= STATUS
  local latest = more.claim
  if latest and find(options, 'h', 1, true) then works.add(more, 'handled', { latest.queue, latest.version, latest.at }, MAX_QUEUES) end
  if moved then
    more.failed = nil
  elseif find(options, 'f', 1, true) then
    more.failed = (more.failed or 0) + 1
  end
  more.expired, more.counted, more.ended = nil, nil, nil
  state.version, state.status, state.expiry = head.newVersion, STATUS, expires or '0'
  if leaseMs then
    state.lease, state.ending = 'w', string.format('%.0f', now + leaseMs)
  elseif moved then
    works.leave(id, state, FINAL)
  else
    works.drop(id, state)
  end
  if detailed and not FINAL then
    for i = first + 6, first + 5 + ARGV[first + 5], 3 do
      local queue = match(ARGV[i + 2], '^{"queue":(".-"),"headers":{')
      works.add(state.more, 'messages', { queue, head.newVersion, tostring(now + ARGV[i + 1]) }, MAX_QUEUES)
    end
  end
  if not FINAL then
    for _, queue in ipairs(queues) do works.add(state.more, 'messages', { queue, head.newVersion, now }, MAX_QUEUES) end
  end
  if HISTORY_LIMIT < 4 and changeKey then works.add(state.more, 'keys', { changeKey, head.newVersion }, 4) end
  works.keep(id, state)
end

-- `text`: the record, or nil. `first`: position of the call's values in ARGV.
local function updateStatus(i, key, text, first)
  if not text then return redis.call('EXISTS', key) == 1 and 'unreadable' or 'missing', '' end
  local head, created, ops, history, data, stop = parse(text)
  if not head then return 'unreadable', '' end
  local entry, expected = ARGV[first], ARGV[first + 1]
  if repeated then
    local operation = sub(entry, 2, 9)
    if known.hasTombstone(operation) then return 'deletedSince', '' end
    local version = known.versionOf(operation, sub(text, history, find(text, '\n],', history, true)), ops)
    if version then
      local state = workKey and head.leasable and stateOf(i, created, head.attempt)
      return 'repeated' .. (state and works.untilOf(state) or ''), version .. ' ' .. text
    end
  end

  local options, changeKey, state = detailed and ARGV[first + 3] or '', nil, nil
  if #entry > 10 then changeKey = match(entry, '"key":(".*")}$') end
  if workKey then
    local sends = not FINAL and ((detailed and ARGV[first + 5] ~= '0') or (SENDS ~= '' and head.status ~= STATUS))
    local creates = options ~= '' or (HISTORY_LIMIT < 4 and changeKey) or sends
    if creates or head.leasable then state = stateOf(i, created, head.attempt, creates) end
  end
  if changeKey and hasKey(text, history, changeKey, head.version, state) then return 'made' .. (state and works.untilOf(state) or ''), text end

  if expected ~= '' and expected ~= head.expectedVersion .. created .. head.expectedStatus then
    local ofVersion, ofCreated, idleSince, ofStatus = match(expected, '^(%d*) (%d*) (%d*) (.*)$')
    if (ofVersion ~= '' and ofVersion ~= head.version) or (ofCreated ~= '' and ofCreated ~= created)
      or (ofStatus ~= '' and ofStatus ~= head.status) or (idleSince ~= '' and not (works or workStates(now)).isIdle(text, idleSince, state)) then
      return 'conflict', head.version
    end
  end
  if not head.legal then
    if head.status == STATUS then return 'unchanged', text end
    return 'illegal', head.status
  end
  local leaseMs = options ~= '' and match(options, '%d+')
  if leaseMs and (head.status ~= STATUS or not (state and state.more.stored)) then return 'noMessage', '' end

  local newHead, bytes = enter(key, text, head, created, ops, history, data, stop, entry, detailed and ARGV[first + 2] or '')
  if not newHead then return 'tooLarge', bytes end
  local id = sub(key, ID_AT)
  local fields, queues = '', {}
  if SENDS ~= '' and head.status ~= STATUS then
    fields = FIELDS and fieldsOf(id) or ''
    queues = queuesFor(fields)
  end
  if state then changeWork(id, state, head, created, changeKey, leaseMs, queues, first) end
  if detailed and ARGV[first + 5] ~= '0' then
    send(id, created, head.newAttempt, head.newVersion, first + 6, first + 5 + ARGV[first + 5])
  end
  if queues[1] then
    local place, headers = 0, ''
    if detailed then place, headers = ARGV[first + 5] / 3, ARGV[first + 4] end
    sendEntered(id, created, head.newAttempt, head.newVersion, queues, place, headers, fields)
  end
  if find(options, 'n', 1, true) then return 'stored', '' end
  return newHead, text
end

local texts, first = readCalls(), 3
for i = 1, calls do
  reply[2 * i], reply[2 * i + 1] = updateStatus(i, KEYS[4 + i], texts[i], first)
  first = first + (detailed and 6 + ARGV[first + 5] or 2)
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
if works then works.finish(not metadata[5] and KEYS[1]) end

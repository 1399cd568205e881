-- Changes the status of jobs to STATUS. Comes after status-change.lua and, if calls can need it, work-of-call.lua.
-- CALL: 1 operation (JSON) and metadata of the change, as they end a history entry, 2 what the job must have (see expectations.lua), or '';
--       if calls have all values: 3 parts (see partsWith in status-change.lua), or '' to keep all, 4 options, or '': 'h' if the messages of
--       the claim are handled, 'f' for a failed attempt, 'q' if the caller does not read the record, 'l' and the duration of a lease (ms),
--       'n' and the number of values that follow: headers of the messages of the status (JSON) or '', and the messages
-- Replies: for each call, in which a space and the end of the lease (ms) follow 'repeated' and 'made' if the job has one
--          beginning of the new record, old record  the status was changed: the data is that of the old record. Or the new record, ''
--          'stored', ''                             the same, if the options have 'q'
--          'repeated', version and record           an earlier attempt changed the job to this version
--          'made', record                           one of the latest changes has the key of this one
--          'unchanged', record; 'conflict', version; 'illegal', status (JSON); 'noMessage', ''; 'tooLarge', bytes; 'missing', '';
--          'unreadable', ''

local VALUES, NO_QUEUES = byte('n'), {}

-- Updates the work state of a job after the change. `entry`: end of its history entry if it has a key. `queues`: those of the messages of the status. `first`: position of the call's values in
-- ARGV. `values`: number of those that the options announce.
local function changeWork(id, state, head, created, entry, options, leaseMs, queues, first, values)
  if head.restarts then works.restart(state, created .. ' ' .. head.newAttempt) end
  local moved = head.status ~= STATUS
  if find(options, 'h', 1, true) then works.setHandled(state) end
  works.count(state, moved, find(options, 'f', 1, true))
  state.present = head.present
  if leaseMs then
    state.lease, state.ending = 'w', works.timeText(now + leaseMs)
  elseif moved then
    works.leave(id, state, FINAL)
  else
    works.drop(id, state)
  end
  if not FINAL then
    for i = first + 5, first + 3 + values, 3 do
      local queue = match(ARGV[i + 2], '^{"queue":(".-"),"headers":{')
      works.addMessage(state, queue, head.newVersion, tostring(now + ARGV[i + 1]))
    end
    for _, queue in ipairs(queues) do works.addMessage(state, queue, head.newVersion, now) end
  end
  if HISTORY_LIMIT < 4 and entry then works.addKey(state, keyIn(entry), head.newVersion) end
  works.keep(id, state)
end

-- `text`: the record, or nil. `first`: position of the call's values in ARGV. `values`: number of those that the options announce.
local function updateStatus(i, key, text, first, options, values)
  local head, created, ops, history, data, stop = parse(text)
  if not head then return noRecord(key, text) end
  local entry, expected = ARGV[first], ARGV[first + 1]
  if repeated then
    local kind, detail = earlierResult(entry, text, history, ops)
    if kind == 'repeated' then kind = kind .. untilOf(workKey and head.leasable and stateOf(i, created, head.attempt)) end
    if kind then return kind, detail end
  end

  local hasKey, state = #entry > 10 and find(entry, '"key":"', 11, true), nil
  if workKey then
    local sends = not FINAL and (values > 1 or (SENDS ~= '' and head.status ~= STATUS))
    local creates = (options ~= '' and byte(options) ~= VALUES) or (HISTORY_LIMIT < 4 and hasKey) or sends
    if creates or head.leasable then state = stateOf(i, created, head.attempt, creates) end
  end
  if hasKey and versionOfKey(text, history, entry, head.version, state) then return 'made' .. untilOf(state), text end

  if expected ~= '' and expected ~= head.expectedVersion .. created .. head.expectedStatus then
    local ofVersion, ofCreated, idleSince, ofStatus = match(expected, '^(%d*) (%d*) (%d*) (.*)$')
    if (ofVersion ~= '' and ofVersion ~= head.version) or (ofCreated ~= '' and ofCreated ~= created)
      or (ofStatus ~= '' and ofStatus ~= head.status) or (idleSince ~= '' and not isIdle(text, idleSince, state)) then
      return 'conflict', head.version
    end
  end
  if not head.legal then
    if head.status == STATUS then return 'unchanged', text end
    return 'illegal', head.status
  end
  local leaseMs = options ~= '' and match(options, 'l(%d+)')
  if leaseMs and (head.status ~= STATUS or not state or state.stored == '0') then return 'noMessage', '' end

  local id = ids[i]
  local newHead, old = enter(key, id, text, head, created, ops, history, data, stop, entry, detailed and ARGV[first + 2] or '')
  if not newHead then return 'tooLarge', old end
  local fields, queues = '', NO_QUEUES
  if SENDS ~= '' and head.status ~= STATUS then
    fields = FIELDS and fieldsOf(id) or ''
    queues = queuesFor(fields)
  end
  if state then changeWork(id, state, head, created, hasKey and entry, options, leaseMs, queues, first, values) end
  if values > 1 then send(id, created, head.newAttempt, head.newVersion, first + 5, first + 3 + values) end
  if queues[1] then
    local place, headers = 0, ''
    if values > 0 then place, headers = (values - 1) / 3, ARGV[first + 4] end
    sendEntered(id, created, head.newAttempt, head.newVersion, queues, place, headers, fields)
  end
  if find(options, 'q', 1, true) then return 'stored', '' end
  return newHead, old
end

local texts, first = readCalls(), 3
for i = 1, calls do
  local options, values = '', 0
  if detailed then
    options = ARGV[first + 3]
    if options ~= '' then values = tonumber(match(options, 'n(%d+)') or 0) end
  end
  push(reply, updateStatus(i, KEYS[4 + i], texts[i], first, options, values))
  first = first + (detailed and 4 + values or 2)
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
if works then works.finish(not metadata[5] and KEYS[1]) end

-- Changes the status of jobs to STATUS. Comes after status-change.lua and, if calls can need it, work-of-call.lua.
-- CALL: 1 operation (JSON) and metadata of the change, as they end a history entry, 2 what the job must have (see expectations.lua), or '';
--       if calls have all values: 3 parts (see `change` in status-change.lua), or '' to keep all, 4 options, or '': 'h' if the messages of
--       the claim are handled, 'f' for a failed attempt, 'q' if the caller does not read the record, 'l' and the duration of a lease (ms),
--       'n' and the number of values that follow: headers of the messages of the status (JSON) or '', and the messages
-- Replies: for each call, in which a space and the end of the lease (ms) follow 'repeated' and 'made' if the job has one
--          beginning of the new record, old record  the status was changed: the data is that of the old record. Or the new record, ''
--          'stored', ''                             the same, if the options have 'q'
--          'repeated', version and record           an earlier attempt changed the job to this version
--          'made', record                           one of the latest changes has the key of this one
--          'unchanged', record; 'conflict', version; 'illegal', status (JSON); 'noMessage', ''; 'tooLarge', bytes; 'missing', '';
--          'unreadable', ''

local NO_OPTIONS, NO_QUEUES = { values = 0 }, {}
-- Options by their text. Most calls of a script have the same.
local optionsByText = { [''] = NO_OPTIONS }

local function optionsOf(text)
  local options = optionsByText[text]
  if not options then
    options = {
      handled = find(text, 'h', 1, true), failed = find(text, 'f', 1, true), quiet = find(text, 'q', 1, true),
      leaseMs = match(text, 'l(%d+)'), values = tonumber(match(text, 'n(%d+)') or 0),
    }
    options.ofWork = options.handled or options.failed or options.leaseMs
    optionsByText[text] = options
  end
  return options
end

-- Updates the work state of a job after the change. `entry`: end of its history entry if it has a key. `queues`: those of the messages of the
-- status. `first`: position of the call's values in ARGV. `options`: see optionsOf.
local function changeWork(id, state, head, created, entry, options, queues, first)
  if head.restarts then works.restart(state, created .. ' ' .. head.newAttempt) end
  local claim, moved = state.claim, head.status ~= STATUS
  works.count(state, moved, options.failed)
  state.present = head.present
  if options.leaseMs then
    state.lease, state.ending = 'w', works.timeText(now + options.leaseMs)
  elseif moved then
    works.leave(id, state, FINAL)
  else
    works.drop(id, state)
  end
  if options.handled then works.setHandled(state, claim) end
  if not FINAL then
    for i = first + 5, first + 3 + options.values, 3 do
      local queue = match(ARGV[i + 2], '^{"queue":(".-"),"headers":{')
      works.addMessage(state, queue, head.newVersion, tostring(now + ARGV[i + 1]))
    end
    for _, queue in ipairs(queues) do works.addMessage(state, queue, head.newVersion, now) end
  end
  if HISTORY_LIMIT < 4 and entry then works.addKey(state, keyIn(entry), head.newVersion) end
  works.keep(id, state)
end

-- `text`: the record, or nil. `first`: position of the call's values in ARGV. `options`: see optionsOf.
local function updateStatus(i, key, text, first, options)
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
    local sends = not FINAL and (options.values > 1 or (SENDS ~= '' and head.status ~= STATUS))
    local creates = options.ofWork or (HISTORY_LIMIT < 4 and hasKey) or sends
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
  if options.leaseMs and (head.status ~= STATUS or not state or state.stored == '0') then return 'noMessage', '' end

  local id = ids[i]
  local newHead, old = enter(key, id, text, head, created, ops, history, data, stop, entry, detailed and ARGV[first + 2] or '')
  if not newHead then return 'tooLarge', old end
  local fields, queues = '', NO_QUEUES
  if SENDS ~= '' and head.status ~= STATUS then
    fields = FIELDS and fieldsOf(id) or ''
    queues = queuesFor(fields)
  end
  if state then changeWork(id, state, head, created, hasKey and entry, options, queues, first) end
  if options.values > 1 then send(id, created, head.newAttempt, head.newVersion, first + 5, first + 3 + options.values) end
  if queues[1] then
    local place, headers = 0, ''
    if options.values > 0 then place, headers = (options.values - 1) / 3, ARGV[first + 4] end
    sendEntered(id, created, head.newAttempt, head.newVersion, queues, place, headers, fields)
  end
  if options.quiet then return 'stored', '' end
  return newHead, old
end

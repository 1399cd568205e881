-- Reads the work states of the calls of a script, and recognizes the keys of changes. Comes after work-changes.lua and contact.lua.
-- Replies: none of its own

-- `works`: functions of work-state.lua and work-changes.lua, once a call needs them.
local works, workTexts

-- Returns the work state of the job of a call, or nil if nothing is known. `creates`: returns a new state instead of nil.
local function stateOf(i, created, attempt, creates)
  if not works then
    works = workChanges(workStates(now, outboxKey, workKey, workMessagesKey, leasesKey, waitsKey, limitsKey, listsKey, rulesKey))
    workTexts = redis.call('HMGET', workKey, unpack(ids))
  end
  local text = workTexts[i]
  if not text and not creates then return nil end
  local run = created .. ' ' .. attempt
  local state = works.read(text, run)
  if state or not creates then return state end
  -- A job that expired had this id, and its state is replaced.
  if text and find(text, '\n[lp]') then works.places().forgetJob(ids[i], text) end
  return works.new(run)
end

-- Returns a space and the end of the lease by the clock (ms), or '' if there is none.
local function untilOf(state)
  if not state or state.lease == 'n' or state.lease == 'e' then return '' end
  local leaseNow, away = contact(KEYS[1], nil, now)
  local ending = state.lease == 'o' and state.ending + away or tonumber(state.ending)
  return ending <= tonumber(now) and '' or string.format(' %.0f', ending)
end

-- Returns the key (JSON) in the end of a history entry, or nil.
local function keyIn(entry)
  local at = find(entry, '"key":"', 11, true)
  return at and sub(entry, at + 6, -2)
end

-- Returns the version of the change with the same key as `entry`, the end of a history entry, if it is one of the latest four. Each change and
-- each save adds 1 to the version, which is now `version`. A history of fewer entries does not show it, so the work state has the keys.
local function versionOfKey(text, history, entry, version, state)
  if HISTORY_LIMIT < 4 then
    local key = keyIn(entry)
    local found = key and state and works.valuesOf(state, 'k', key)
    return found and tonumber(found) >= version - 3 and found
  end
  local own = find(entry, '"key":"', 11, true)
  -- A text that does not begin with a quote is found faster.
  local at = own and find(text, sub(entry, own + 1) .. ']', history, true)
  if not at then return nil end
  local start, found = history, match(text, '^\n%[(%d+),', history)
  while found and tonumber(found) >= version - 3 do
    local stop = find(text, '\n', start + 1, true)
    if at < stop then return found end
    start, found = stop, match(text, '^\n%[(%d+),', stop)
  end
  return nil
end

-- Returns true if the job was last written at this time, and has no lease.
local function isIdle(text, idleSince, state)
  local entered, updated = match(text, '^%d+,(%d+),?(%d*)%]', select(2, find(text, ',"times":[', 1, true)) + 1)
  if (updated == '' and entered or updated) ~= idleSince then return false end
  if not state then return true end
  works.settle(state, (contact(KEYS[1], nil, now)))
  return state.lease ~= 'o' and state.lease ~= 'w'
end

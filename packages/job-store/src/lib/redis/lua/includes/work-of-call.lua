-- Reads the work states of the calls of a script, and recognizes the keys of changes. Comes after work-state.lua and contact.lua.
-- Replies: none of its own

-- `works`: functions of work-state.lua, once a call needs them.
local works, workTexts

-- Returns the work state of the job of a call, or nil if nothing is known. `creates`: returns a new state instead of nil.
local function stateOf(i, created, attempt, creates)
  if not works then
    works = workStates(now, outboxKey, workKey, workMessagesKey, leasesKey, waitsKey)
    local ids = {}
    for n = 1, calls do ids[n] = sub(KEYS[4 + n], ID_AT) end
    workTexts = redis.call('HMGET', workKey, unpack(ids))
  end
  return works.read(workTexts[i], created, attempt) or creates and works.new(created, attempt)
end

-- Returns true if one of the latest four changes has this key (JSON). Each change and each save adds 1 to the version. A history of fewer
-- entries does not show it, so the work state has the keys.
local function hasKey(text, history, key, version, state)
  local oldest = version - 3
  if HISTORY_LIMIT < 4 then
    for _, known in ipairs(state and state.more.keys or {}) do
      if known[1] == key and tonumber(known[2]) >= oldest then return true end
    end
    return false
  end
  local stop, ofEntry = history, match(text, '^\n%[(%d+),', history)
  while ofEntry and tonumber(ofEntry) >= oldest do
    stop = find(text, '\n', stop + 1, true)
    ofEntry = match(text, '^\n%[(%d+),', stop)
  end
  return find(sub(text, history, stop), '"key":' .. key .. '}]', 1, true)
end

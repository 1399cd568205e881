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

-- Returns true if one of the latest four changes has this key (JSON). A history of fewer entries cannot tell, so the work state has them.
local function hasKey(text, history, key, state)
  if HISTORY_LIMIT < 4 then
    for _, known in ipairs(state and state.more.keys or {}) do
      if known[1] == key then return true end
    end
    return false
  end
  local stop = history
  for _ = 1, 4 do
    if sub(text, stop, stop + 2) == '\n],' then break end
    stop = find(text, '\n', stop + 1, true)
  end
  return find(sub(text, history, stop), '"key":' .. key .. '}]', 1, true)
end

-- Changes work states. Comes after work-state.lua.
-- Replies: none of its own

-- Numbers of lines of one letter that a state keeps: the newest ones.
local MAX_QUEUES, MAX_SEEN, MAX_KEYS = 16, 8, 4

-- Adds the functions below to those of work-state.lua, and returns all of them.
local function workChanges(works)
  local find, match, sub = string.find, string.match, string.sub
  local append, messages, noMessages = works.append, works.messages, works.noMessages

  -- Removes the line that begins at a position.
  local function cut(lines, at)
    local stop = find(lines, '\n', at + 1, true)
    return sub(lines, 1, at - 1) .. (stop and sub(lines, stop) or '')
  end

  -- Puts a line behind the others, in place of one with the same letter and name. The newest `limit` of the letter are kept.
  function works.put(state, letter, name, values, limit)
    local lines, start = state.lines, '\n' .. letter .. name .. '\t'
    if lines ~= '' then
      local at = find(lines, start, 1, true)
      if at then lines = cut(lines, at) end
      local first, count = nil, 0
      for place in string.gmatch(lines, '()\n' .. letter) do
        first, count = first or place, count + 1
      end
      if count >= limit then lines = cut(lines, first) end
    end
    state.lines = lines .. start .. values
  end

  -- Returns the values of a line, or nil if there is no such line.
  function works.valuesOf(state, letter, name)
    if state.lines == '' then return nil end
    local _, last = find(state.lines, '\n' .. letter .. name .. '\t', 1, true)
    return last and match(state.lines, '^[^\n]*', last + 1)
  end

  -- Returns the queue, the version and the time of the latest claim, or nil if there is none.
  function works.claimOf(state)
    if state.claim ~= '' then return match(state.claim, '^([^\t]*)\t(%d+) (%d+)$') end
  end

  -- Sets the latest claim. `at`: clock of the server.
  function works.setClaim(state, queue, version, at)
    local previous, mark = match(state.claim, '^([^\t]*)\t(.*)$')
    if previous and previous ~= queue then
      works.put(state, 'c', previous, mark, MAX_QUEUES - 1)
      local own = find(state.lines, '\nc' .. queue .. '\t', 1, true)
      if own then state.lines = cut(state.lines, own) end
    end
    state.claim = queue .. '\t' .. version .. ' ' .. at
    local counts = state.counts
    if counts then counts.claimFailed, counts.claimExpired = counts.failed, counts.expired end
  end

  -- Notes that a claim has an outcome. `claim`: line of the claim, or '' if there was none.
  function works.setHandled(state, claim)
    if claim == '' then return end
    if state.lines == '' then
      state.lines = '\nh' .. claim
    else
      local queue, mark = match(claim, '^([^\t]*)\t(.*)$')
      works.put(state, 'h', queue, mark, MAX_QUEUES)
    end
  end

  -- Returns the version and the time of a line, or nil.
  function works.markOf(state, letter, name)
    local version, at = match(works.valuesOf(state, letter, name) or '', '^(%d+) (%d+)')
    if version then return tonumber(version), tonumber(at) end
  end

  function works.addMessage(state, queue, version, due) works.put(state, 'm', queue, version .. ' ' .. due, MAX_QUEUES) end
  function works.addSeen(state, name, version) works.put(state, 's', name, version, MAX_SEEN) end
  function works.addKey(state, key, version) works.put(state, 'k', key, version, MAX_KEYS) end

  -- Gives a lease to a worker. One that ended at its time, and is given again, does not count as expired.
  function works.give(state, leaseNow, leaseMs)
    local counts = state.counts
    if counts then
      if counts.counted then counts.expired = counts.expired ~= '1' and tostring(counts.expired - 1) or nil end
      counts.counted, counts.ended = nil, nil
    end
    state.lease, state.ending = 'o', works.timeText(leaseNow + leaseMs)
  end

  -- Counts from zero, after a change of the job. `moved`: true if its status changed. `isFailed`: true if the change is a failed attempt.
  function works.count(state, moved, isFailed)
    local counts = state.counts
    if counts then
      counts.expired, counts.counted, counts.ended = nil, nil, nil
      if moved then counts.failed = nil end
    end
    if isFailed and not moved then
      state.counts = counts or {}
      state.counts.failed = tostring((state.counts.failed or 0) + 1)
    end
  end

  -- Removes the lease and the stored message.
  function works.drop(id, state)
    if state.stored == '1' then append(noMessages, id) end
    state.lease, state.ending, state.stored, state.limit = 'n', '0', '0', nil
  end

  -- Stores the message of a claim (`queue` nil), or remembers one. `message`: as in the hash of messages.
  function works.store(id, state, queue, message)
    push(messages, queue and id .. ' ' .. queue or id, message)
    if queue then works.put(state, 'r', queue, '', math.huge) else state.stored = '1' end
  end

  -- Forgets the remembered message of a queue. `queue` nil: all of them.
  function works.forget(id, state, queue)
    local lines = state.lines
    if not find(lines, '\nr', 1, true) then return end
    for other in string.gmatch(lines, '\nr([^\t\n]*)\t') do
      if not queue or queue == other then
        append(noMessages, id .. ' ' .. other)
        lines = cut(lines, find(lines, '\nr' .. other .. '\t', 1, true))
      end
    end
    state.lines = lines
  end

  -- Forgets the message of a queue that waits for a place, or holds one. `onlySent`: a message that waits is kept. Returns true if the state
  -- was changed.
  function works.answer(id, state, queue, onlySent)
    local values = works.valuesOf(state, 'p', queue)
    if not values or (onlySent and find(values, '^%d+ 0 ')) then return false end
    state.lines = cut(state.lines, find(state.lines, '\np' .. queue .. '\t', 1, true))
    works.places().forget(id, queue, values)
    return true
  end

  -- Ends the work on a run that has entered a final status.
  function works.finishRun(id, state)
    works.drop(id, state)
    state.counts, state.claim = nil, ''
    if state.lines == '' then return end
    works.forget(id, state)
    state.lines = works.only('hskp', state.lines)
  end

  -- Begins another run of the job.
  function works.restart(state, run)
    state.run, state.counts, state.claim, state.limit, state.lines = run, nil, '', nil, works.only('kp', state.lines)
  end

  -- Ends the work in a status: the job has entered another one. Remembered messages are sent, unless the new status is final.
  function works.leave(id, state, isFinal)
    if isFinal then return works.finishRun(id, state) end
    works.drop(id, state)
    if state.lines == '' then return end
    local version = match(state.present, '^%d+')
    for queue in string.gmatch(state.lines, '\nr([^\t\n]*)\t') do works.send(id, id .. ' ' .. queue, state, version) end
    works.forget(id, state)
  end

  return works
end

-- Reads and writes work states: what is known about the work on the present run of a job. Comes after push.lua,
-- contact.lua and places.lua.
--
-- Replies: none of its own
--
-- `workKey` is a hash (job id -> state). A state has these lines. Most of them are short or empty, so that few bytes are read and written:
--   <createdAt> <attempt> <lease> <end of the lease, or 0> <1 if a message is stored, or 0> <version> <expiry of the job, or 0> <status>
--   <failed attempts> <expired leases> <1 if the latest end counted, or 0> <idle> <ended> <failed attempts and expired leases at the latest
--     claim>; nothing if all of them have their first values
--   <queue><tab><version> <at>: the latest claim; nothing if there is none
--   any number of <letter><name><tab><values>, the newest of each letter last:
--     h<queue> <version> <at>   the latest claim of the queue that has an outcome
--     c<queue> <version> <at>   the latest claim of the queue, if the latest claim is that of another queue
--     m<queue> <version> <due>  the newest message of the queue, and the time at which it is due
--     s<id> <version>           a message without an origin, and the version at which it was seen
--     r<queue>                  a remembered message
--     k<key> <version>          the key of a change
--     p<queue> <arrival> <time> <attempt> <version> <key>  a message that waits for a place of the key (time 0), or was sent and holds the place
--       until this time; the run of its origin, and the version
--   Before them, if the lease of the latest claim counts for a limit: l<key><tab>
-- * Creation time and attempt identify the job and its run. A state of another one is ignored and replaced.
-- * `lease`: 'o' a worker owns it, and its end is in reachable time; 'w' no worker owns it, and its end is by the clock; 'e' it has ended, and
--   the stored message is to be sent; 'n' none. Two sorted sets have the jobs by this end: `leasesKey` those with 'o' and 'e', `waitsKey`
--   those with 'w'.
-- * `idle` is the reachable time at which the latest lease ended, or 0. `ended` is the operation that ended the lease with 0, or 0.
-- Statuses, queues, keys and ids of messages are JSON text, which has no tab and no line break. Versions and times are text, because Lua's
-- numbers keep 14 digits as text.
--
-- `workMessagesKey` is a hash of messages: `<job id>` is the stored message, `<job id> <queue>` a remembered one. Each is its id (JSON), a
-- line break, and the message (JSON).

-- Is longer than `zset-max-listpack-value` (64).
local LONG_MEMBER = '----------------------------------------------------------------------'

-- Creates the functions below. Most runs do not need them. `now`: clock of the server (ms). `outboxKey` nil: the script sends no message.
local function workStates(now, outboxKey, workKey, workMessagesKey, leasesKey, waitsKey, limitsKey, listsKey, rulesKey)
  local find, match, sub = string.find, string.match, string.sub
  -- Changes that `finish` makes.
  local sets, drops, leases, noLeases, waits, noWaits, messages, noMessages = {}, {}, {}, {}, {}, {}, {}, {}
  local texts, knownPlaces = {}, nil

  -- Returns the functions of places.lua.
  local function places()
    knownPlaces = knownPlaces or newPlaces(now, outboxKey, workKey, workMessagesKey, limitsKey, listsKey, rulesKey)
    return knownPlaces
  end

  local function append(list, value) list[#list + 1] = value end

  -- Returns a time as text. The calls of a script have few different times, and to format one is expensive.
  local function timeText(time)
    local text = texts[time]
    if not text then
      text = string.format('%.0f', time)
      texts[time] = text
    end
    return text
  end

  -- Returns the lines with one of these letters.
  local function only(letters, lines)
    local kept = {}
    for line in string.gmatch(lines, '\n[' .. letters .. '][^\n]*') do append(kept, line) end
    return table.concat(kept)
  end

  -- Returns a state in which nothing is known. `run`: '<createdAt> <attempt>'. `member`: lease by which a sorted set has the job, or nil if
  -- there is no state. `present`: version, expiry and status. `counts`: the values of the second line that are not 0, or nil. `limit`: key for
  -- which the lease counts if a worker owns it, or nil. `counted`: key for which places.lua counts it now, or nil.
  local function new(run, member)
    return { run = run, member = member, lease = 'n', ending = '0', stored = '0', present = '0 0 ""', claim = '', lines = '' }
  end

  -- Returns the state in a text of the hash, or nil if it belongs to another job. If it belongs to another run, only the keys of changes
  -- and the messages that wait are known, which are those of the job. `run` nil: any run.
  local function read(text, run)
    if not text then return nil end
    if not run or find(text, run .. ' ', 1, true) ~= 1 then
      local ofRun, at = match(text, '^(%d+ %d+)()')
      if run and match(run, '^%d+ ') ~= match(ofRun, '^%d+ ') then return nil end
      if run then
        local state = new(run, sub(text, at + 1, at + 1))
        state.lines = only('kp', text)
        state.counted = state.member == 'o' and match(text, '\nl([^\t\n]*)\t') or nil
        return state
      end
      run = ofRun
    end
    local lease, ending, stored, presentAt = match(text, '^(%a) (%d+) (%d) ()', #run + 2)
    local countsAt = find(text, '\n', presentAt, true) + 1
    local claimAt = find(text, '\n', countsAt, true) + 1
    local linesAt = find(text, '\n', claimAt, true) or #text + 1
    local state = { run = run, member = lease, lease = lease, ending = ending, stored = stored, present = sub(text, presentAt, countsAt - 2),
      claim = sub(text, claimAt, linesAt - 1), lines = sub(text, linesAt) }
    if state.lines ~= '' then
      local key, rest = match(state.lines, '^\nl([^\t]*)\t()')
      if key then state.limit, state.counted, state.lines = key, lease == 'o' and key or nil, sub(state.lines, rest) end
    end
    if claimAt > countsAt + 1 then
      local counts, names, values = {}, { 'failed', 'expired', 'counted', 'idle', 'ended', 'claimFailed', 'claimExpired' },
        { match(text, '^(%d+) (%d+) (%d) (%d+) (%S+) (%d+) (%d+)', countsAt) }
      for n, name in ipairs(names) do
        if values[n] ~= '0' then counts[name] = values[n] end
      end
      state.counts = counts
    end
    return state
  end

  -- Keeps a changed state.
  local function keep(id, state)
    local lease, member, counts, text = state.lease, state.member, state.counts, ''
    local wanted = lease == 'o' and state.limit or nil
    if wanted ~= state.counted then
      if state.counted then places().leave(id, state.counted) end
      if wanted then places().enter(id, wanted) end
      state.counted = wanted
    end
    if lease == 'w' then
      push(waits, state.ending, id)
    elseif lease ~= 'n' then
      push(leases, state.ending, id)
    end
    if member == 'w' and lease ~= 'w' then append(noWaits, id) end
    if (member == 'o' or member == 'e') and (lease == 'n' or lease == 'w') then append(noLeases, id) end
    if counts and next(counts) then
      text = (counts.failed or '0') .. ' ' .. (counts.expired or '0') .. ' ' .. (counts.counted or '0') .. ' ' .. (counts.idle or '0') .. ' '
        .. (counts.ended or '0') .. ' ' .. (counts.claimFailed or '0') .. ' ' .. (counts.claimExpired or '0')
    end
    if lease == 'n' and text == '' and state.claim == '' and state.lines == '' then
      if member then append(drops, id) end
    else
      push(sets, id, state.run .. ' ' .. lease .. ' ' .. state.ending .. ' ' .. state.stored .. ' ' .. state.present .. '\n' .. text .. '\n'
        .. state.claim .. (state.limit and '\nl' .. state.limit .. '\t' or '') .. state.lines)
    end
  end

  -- Ends a lease. `idle`: reachable time of the end.
  local function endLease(state, idle)
    state.lease, state.ending, state.counts = state.stored == '1' and 'e' or 'n', '0', state.counts or {}
    state.counts.idle = timeText(idle)
  end

  -- Ends a lease whose time is over. The lease of a worker then counts as expired.
  local function settle(state, leaseNow)
    if state.lease == 'o' and tonumber(state.ending) <= leaseNow then
      endLease(state, tonumber(state.ending))
      local counts = state.counts
      counts.expired, counts.counted = tostring((counts.expired or 0) + 1), '1'
    elseif state.lease == 'w' and tonumber(state.ending) <= tonumber(now) then
      endLease(state, leaseNow)
    end
  end

  -- Puts a stored or remembered message into the outbox again, with the present run and `version` as its origin. Returns its size.
  local function send(id, field, state, version)
    local stored = redis.call('HGET', workMessagesKey, field)
    if not stored then return 0 end
    local name, message = match(stored, '^([^\n]*)\n(.*)$')
    redis.call('XADD', outboxKey, '*', 'job', id, 'id', name, 'message', message, 'origin', state.run .. ' ' .. version .. ' 0')
    return #stored
  end

  local function call(command, key, values)
    -- Lua cannot pass more than a few thousand values at once.
    for first = 1, #values, 1000 do redis.call(command, key, unpack(values, first, math.min(first + 999, #values))) end
  end

  -- Makes all changes. `metadataKey`: key of the metadata, if it may not say yet that there are work states.
  local function finish(metadataKey)
    call('HDEL', workKey, drops)
    call('ZREM', leasesKey, noLeases)
    call('ZREM', waitsKey, noWaits)
    call('HSET', workMessagesKey, messages)
    call('HDEL', workMessagesKey, noMessages)
    if leases[1] and redis.call('EXISTS', leasesKey) == 0 then
      -- Redis keeps a small set of short members as a list, in which each change reads up to 128 members. A set that has had a long one is a
      -- tree until it is empty.
      redis.call('ZADD', leasesKey, 0, LONG_MEMBER)
      call('ZADD', leasesKey, leases)
      redis.call('ZREM', leasesKey, LONG_MEMBER)
    else
      call('ZADD', leasesKey, leases)
    end
    call('ZADD', waitsKey, waits)
    call('HSET', workKey, sets)
    if metadataKey and #sets > 0 then redis.call('HSET', metadataKey, 'work', 1) end
    if knownPlaces then knownPlaces.sendFreed() end
  end

  return { places = places, messages = messages, noMessages = noMessages, append = append, timeText = timeText, only = only, new = new, read = read, keep = keep,
    endLease = endLease, settle = settle, send = send, finish = finish }
end

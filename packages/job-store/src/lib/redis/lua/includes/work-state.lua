-- Reads and writes work states: what is known about the work on the present run of a job. Comes after contact.lua.
--
-- Replies: none of its own
--
-- `workKey` is a hash (job id -> state). A state is a line and a JSON object:
--   <createdAt> <attempt> <version> <lease> <end of the lease, or 0> <expiry of the job, or 0> <status (JSON)>
--   {"claim":…,"handled":…}
-- * Creation time and attempt identify the job and its run. A state of another one is ignored and replaced.
-- * `lease`: 'o' a worker owns it, and its end is in reachable time; 'w' no worker owns it, and its end is by the clock; 'e' it has ended, and
--   the stored message is to be sent; 'n' none. Two sorted sets have the jobs by this end: `leasesKey` those with 'o' and 'e', `waitsKey`
--   those with 'w'.
-- * The object has, if known: `claim`, the latest one { key, queue, id of its message, version, at, failed, expired }; `stored`, the size of
--   its message; `remembered` { { queue, size } … }; `failed` attempts; `expired` leases, and `counted` if the latest end counted; `ended`,
--   the operation that ended the lease with 0; `idle`, the reachable time at which the latest lease ended; `handled`, `claims` and
--   `messages` { { queue, version, at } … }: of each queue the latest claim with an outcome, the latest claim, and the newest message with
--   the time at which it is due; `seen` { { id, version } … }, the latest messages without an origin; `keys` { { key, version } … } of the latest
--   changes.
-- Queues, keys and ids of messages are JSON text. Versions and times are text, because Lua's numbers keep 14 digits as text.
--
-- `workMessagesKey` is a hash of messages: `<job id>` is the stored message, `<job id> <queue>` a remembered one. Each is its id (JSON), a
-- line break, and the message (JSON).

-- Creates the functions below. Most runs do not need them. `now`: clock of the server (ms). `outboxKey` nil: the script sends no message.
local function workStates(now, outboxKey, workKey, workMessagesKey, leasesKey, waitsKey)
  -- Changes that `finish` makes.
  local sets, drops, leases, noLeases, waits, noWaits, messages, noMessages = {}, {}, {}, {}, {}, {}, {}, {}

  local function append(list, value) list[#list + 1] = value end

  -- Returns the state in a text of the hash, or nil if it belongs to another run. `created` nil: any run.
  local function read(text, created, attempt)
    if not text then return nil end
    local ofJob, ofRun, version, lease, ending, expiry, status, at =
      string.match(text, '^(%d+) (%d+) (%d+) (%a) (%d+) (%d+) ([^\n]*)\n()')
    if created and (ofJob ~= created or ofRun ~= attempt) then
      -- Keys of changes are those of the job, not of the run.
      if ofJob ~= created then return nil end
      return { created = created, attempt = attempt, version = version, lease = 'n', ending = '0', expiry = '0', status = status,
        member = lease, more = { keys = cjson.decode(string.sub(text, at)).keys } }
    end
    return { created = ofJob, attempt = ofRun, version = version, lease = lease, ending = ending, expiry = expiry, status = status,
      -- Lease by which a sorted set has the job.
      member = lease, more = cjson.decode(string.sub(text, at)) }
  end

  local function new(created, attempt)
    return { created = created, attempt = attempt, version = '0', lease = 'n', ending = '0', expiry = '0', status = '""', member = 'n', isNew = true, more = {} }
  end

  local function text(state)
    return state.created .. ' ' .. state.attempt .. ' ' .. state.version .. ' ' .. state.lease .. ' ' .. state.ending .. ' '
      .. state.expiry .. ' ' .. state.status .. '\n' .. cjson.encode(state.more)
  end

  -- Keeps a changed state.
  local function keep(id, state)
    local lease, member = state.lease, state.member
    if lease == 'w' then
      append(waits, state.ending)
      append(waits, id)
    elseif lease ~= 'n' then
      append(leases, state.ending)
      append(leases, id)
    end
    if member == 'w' and lease ~= 'w' then append(noWaits, id) end
    if (member == 'o' or member == 'e') and (lease == 'n' or lease == 'w') then append(noLeases, id) end
    if lease == 'n' and next(state.more) == nil then
      if not state.isNew then append(drops, id) end
    else
      append(sets, id)
      append(sets, text(state))
    end
  end

  -- Ends a lease. `idle`: reachable time of the end.
  local function endLease(state, idle)
    state.lease, state.ending = state.more.stored and 'e' or 'n', '0'
    state.more.idle = string.format('%.0f', idle)
  end

  -- Ends a lease whose time is over. The lease of a worker then counts as expired.
  local function settle(state, leaseNow)
    local more, ending = state.more, tonumber(state.ending)
    if state.lease == 'o' and ending <= leaseNow then
      more.expired, more.counted = (more.expired or 0) + 1, true
      endLease(state, ending)
    elseif state.lease == 'w' and ending <= tonumber(now) then
      endLease(state, leaseNow)
    end
  end

  -- Gives a lease to a worker. One that ended at its time, and is given again, does not count as expired.
  local function give(state, leaseNow, leaseMs)
    local more = state.more
    if more.counted then more.expired = more.expired > 1 and more.expired - 1 or nil end
    more.counted, more.ended = nil, nil
    state.lease, state.ending = 'o', string.format('%.0f', leaseNow + leaseMs)
  end

  -- Removes the lease and the stored message.
  local function drop(id, state)
    if state.more.stored then append(noMessages, id) end
    state.more.stored = nil
    state.lease, state.ending = 'n', '0'
  end

  -- Stores the message of a claim (`queue` nil), or remembers one. Returns its size.
  local function store(id, queue, name, message)
    local value = name .. '\n' .. message
    append(messages, queue and id .. ' ' .. queue or id)
    append(messages, value)
    return #value
  end

  -- Forgets the remembered message of a queue. `queue` nil: all of them.
  local function forget(id, more, queue)
    local kept = {}
    for _, message in ipairs(more.remembered or {}) do
      if queue and message[1] ~= queue then append(kept, message) else append(noMessages, id .. ' ' .. message[1]) end
    end
    more.remembered = kept[1] and kept or nil
  end

  -- Ends the work on a run that has entered a final status.
  local function finishRun(id, state)
    drop(id, state)
    forget(id, state.more)
    state.more = { handled = state.more.handled, seen = state.more.seen, keys = state.more.keys }
  end

  -- Puts a stored or remembered message into the outbox again, with the present run and version as its origin. Returns its size.
  local function send(id, field, state)
    local stored = redis.call('HGET', workMessagesKey, field)
    if not stored then return 0 end
    local name, message = string.match(stored, '^([^\n]*)\n(.*)$')
    local origin = state.created .. ' ' .. state.attempt .. ' ' .. state.version .. ' 0'
    redis.call('XADD', outboxKey, '*', 'job', id, 'id', name, 'message', message, 'origin', origin)
    return #stored
  end

  -- Ends the work in a status: the job has entered another one. Remembered messages are sent, unless the new status is final.
  local function leave(id, state, isFinal)
    if isFinal then return finishRun(id, state) end
    drop(id, state)
    for _, message in ipairs(state.more.remembered or {}) do send(id, id .. ' ' .. message[1], state) end
    forget(id, state.more)
  end

  -- Adds an element to a list of the state, in place of one with the same first value. The newest `limit` are kept.
  local function add(more, name, element, limit)
    local kept = {}
    for _, other in ipairs(more[name] or {}) do
      if other[1] ~= element[1] then append(kept, other) end
    end
    append(kept, element)
    if #kept > limit then table.remove(kept, 1) end
    more[name] = kept
  end

  local function call(command, key, values)
    -- Lua cannot pass more than a few thousand values at once.
    for first = 1, #values, 1000 do redis.call(command, key, unpack(values, first, math.min(first + 999, #values))) end
  end

  -- Returns true if the job was last written at this time, and has no lease.
  local function isIdle(text, idleSince, state)
    local entered, updated = string.match(text, '^%d+,(%d+),?(%d*)%]', select(2, string.find(text, ',"times":[', 1, true)) + 1)
    if (updated == '' and entered or updated) ~= idleSince then return false end
    if not state then return true end
    settle(state, (contact(KEYS[1], nil, now)))
    return state.lease ~= 'o' and state.lease ~= 'w'
  end

  -- Returns a space and the end of the lease by the clock (ms), or '' if there is none.
  local function untilOf(state)
    if not state or state.lease == 'n' or state.lease == 'e' then return '' end
    local leaseNow, away = contact(KEYS[1], nil, now)
    local ending = state.lease == 'o' and state.ending + away or tonumber(state.ending)
    return ending <= tonumber(now) and '' or string.format(' %.0f', ending)
  end

  -- Makes all changes. `metadataKey`: key of the metadata, if it may not say yet that there are work states.
  local function finish(metadataKey)
    call('HDEL', workKey, drops)
    call('ZREM', leasesKey, noLeases)
    call('ZREM', waitsKey, noWaits)
    call('HSET', workMessagesKey, messages)
    call('HDEL', workMessagesKey, noMessages)
    call('ZADD', leasesKey, leases)
    call('ZADD', waitsKey, waits)
    call('HSET', workKey, sets)
    if metadataKey and #sets > 0 then redis.call('HSET', metadataKey, 'work', 1) end
  end

  return { read = read, new = new, keep = keep, endLease = endLease, settle = settle, give = give, drop = drop, store = store, forget = forget,
    finishRun = finishRun, leave = leave, send = send, add = add, isIdle = isIdle, untilOf = untilOf, finish = finish }
end

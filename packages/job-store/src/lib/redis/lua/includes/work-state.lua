-- Reads and writes work states: what is known about the work on the present run of a job. Comes after contact.lua.
--
-- Replies: none of its own
--
-- `workKey` is a hash (job id -> state). A state has these lines. Most of them are short or empty, so that few bytes are read and written:
--   <createdAt> <attempt> <lease> <end of the lease, or 0> <size of the stored message, or 0> <version> <expiry of the job, or 0> <status>
--   <failed attempts> <expired leases> <1 if the latest end counted, or 0> <idle> <ended>; nothing if all of them have their first values
--   <queue><tab><version> <at><tab><failed> <expired><tab><id of the message>: the latest claim, with its replies; nothing if there is none
--   any number of <letter><name><tab><values>, the newest of each letter last:
--     h<queue> <version> <at>   the latest claim of the queue that has an outcome
--     c<queue> <version> <at>   the latest claim of the queue, if the latest claim is that of another queue
--     m<queue> <version> <due>  the newest message of the queue, and the time at which it is due
--     s<id> <version>           a message without an origin, and the version at which it was seen
--     r<queue> <size>           a remembered message
--     k<key> <version>          the key of a change
-- * Creation time and attempt identify the job and its run. A state of another one is ignored and replaced.
-- * `lease`: 'o' a worker owns it, and its end is in reachable time; 'w' no worker owns it, and its end is by the clock; 'e' it has ended, and
--   the stored message is to be sent; 'n' none. Two sorted sets have the jobs by this end: `leasesKey` those with 'o' and 'e', `waitsKey`
--   those with 'w'.
-- * `idle` is the reachable time at which the latest lease ended, or 0. `ended` is the operation that ended the lease with 0, or '-'.
-- Statuses, queues, keys and ids of messages are JSON text, which has no tab and no line break. Versions and times are text, because Lua's
-- numbers keep 14 digits as text.
--
-- `workMessagesKey` is a hash of messages: `<job id>` is the stored message, `<job id> <queue>` a remembered one. Each is its id (JSON), a
-- line break, and the message (JSON).

-- Creates the functions below. Most runs do not need them. `now`: clock of the server (ms). `outboxKey` nil: the script sends no message.
local function workStates(now, outboxKey, workKey, workMessagesKey, leasesKey, waitsKey)
  local match = string.match
  -- Changes that `finish` makes.
  local sets, drops, leases, noLeases, waits, noWaits, messages, noMessages = {}, {}, {}, {}, {}, {}, {}, {}
  local texts = {}

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

  -- Returns a state in which nothing is known. `run`: '<createdAt> <attempt>'.
  local function new(run)
    -- `member`: lease by which a sorted set has the job. `present`: version, expiry and status.
    return { run = run, lease = 'n', ending = '0', stored = '0', present = '0 0 ""', failed = 0, expired = 0, counted = '0', idle = '0', ended = '-',
      claim = '', lines = '', member = 'n', isNew = true }
  end

  -- Returns the state in a text of the hash, or nil if it belongs to another job. If it belongs to another run, only the keys of changes
  -- are known, which are those of the job. `run` nil: any run.
  local function read(text, run)
    if not text then return nil end
    local ofRun, lease, ending, stored, present, counts, claim, lines =
      match(text, '^(%d+ %d+) (%a) (%d+) (%d+) ([^\n]*)\n([^\n]*)\n([^\n]*)(.*)$')
    local state = new(ofRun)
    state.present, state.member, state.isNew = present, lease, false
    if run and run ~= ofRun then
      if match(run, '^%d+') ~= match(ofRun, '^%d+') then return nil end
      state.run = run
      state.lines = only('k', lines)
      return state
    end
    state.lease, state.ending, state.stored, state.claim, state.lines = lease, ending, stored, claim, lines
    if counts ~= '' then
      local failed, expired
      failed, expired, state.counted, state.idle, state.ended = match(counts, '^(%d+) (%d+) (%d) (%d+) (.*)$')
      state.failed, state.expired = tonumber(failed), tonumber(expired)
    end
    return state
  end

  -- Keeps a changed state.
  local function keep(id, state)
    local lease, member, counts = state.lease, state.member, ''
    if lease == 'w' then
      append(waits, state.ending)
      append(waits, id)
    elseif lease ~= 'n' then
      append(leases, state.ending)
      append(leases, id)
    end
    if member == 'w' and lease ~= 'w' then append(noWaits, id) end
    if (member == 'o' or member == 'e') and (lease == 'n' or lease == 'w') then append(noLeases, id) end
    if state.failed > 0 or state.expired > 0 or state.idle ~= '0' or state.ended ~= '-' then
      counts = state.failed .. ' ' .. state.expired .. ' ' .. state.counted .. ' ' .. state.idle .. ' ' .. state.ended
    end
    if lease == 'n' and counts == '' and state.claim == '' and state.lines == '' then
      if not state.isNew then append(drops, id) end
    else
      append(sets, id)
      append(sets, state.run .. ' ' .. lease .. ' ' .. state.ending .. ' ' .. state.stored .. ' ' .. state.present .. '\n' .. counts .. '\n'
        .. state.claim .. state.lines)
    end
  end

  -- Ends a lease. `idle`: reachable time of the end.
  local function endLease(state, idle)
    state.lease, state.ending, state.idle = state.stored ~= '0' and 'e' or 'n', '0', timeText(idle)
  end

  -- Ends a lease whose time is over. The lease of a worker then counts as expired.
  local function settle(state, leaseNow)
    if state.lease == 'o' and tonumber(state.ending) <= leaseNow then
      state.expired, state.counted = state.expired + 1, '1'
      endLease(state, tonumber(state.ending))
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
    call('ZADD', leasesKey, leases)
    call('ZADD', waitsKey, waits)
    call('HSET', workKey, sets)
    if metadataKey and #sets > 0 then redis.call('HSET', metadataKey, 'work', 1) end
  end

  return { messages = messages, noMessages = noMessages, append = append, timeText = timeText, only = only, new = new, read = read, keep = keep,
    endLease = endLease, settle = settle, send = send, finish = finish }
end

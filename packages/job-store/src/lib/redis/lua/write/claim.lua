-- Gives jobs to workers: changes their status to STATUS, with a lease and the message that requested them. Comes after status-change.lua,
-- requests.lua and pauses.lua.
-- ARGV: 3 further statuses in which the jobs can be claimed (one per line, between line breaks), 4 duration of the leases (ms), 5 queue of
--       the messages (JSON), 6 field and maximum of the limit, with a space between them, or ''; from 7 on, the values of the calls
-- CALL: 1 operation (JSON) and metadata of the change with the key of the claim, as they end a history entry, 2 version that the job must
--       have, or '', 3 origin or '' (see requests.lua), 4 id of the message (JSON), a line break, and the message (JSON); if
--       the status has messages: 5 their headers (JSON) or ''
-- Replies: for each call
--          beginning of the new record, old record  the job was claimed, with a lease from now on, no failed attempts and no expired leases.
--          Or the new record, ''
--          'claimed <end of the lease (ms)> <failed attempts> <expired leases>', a line break and the same; old record or ''
--          the same without a beginning, record  the claim was made before, and its lease was renewed
--          'outdated', ''; 'handled', ''; 'moved', ''; 'leased', ''; 'changed', ''; 'missing', '';
--          'unreadable', first bytes of the value
--          'paused', pause of the queue (see pauses.lua)
--          'limited', ''                            the message waits for a place (see places.lua)

-- Maximum size of the messages of a claim, which are kept for the job (payload and headers).
local MAX_WORK_BYTES = 4194304

local away
leaseNow, away = contact(KEYS[1], gapsKey, now, metadata[8], metadata[9])
local from, leaseMs, queue = unpack(ARGV, 3, 5)
local field, max = match(ARGV[6], '^(%S+) (%d+)$')
-- Field values of the jobs, and the jobs whose leases are over and still count, once a call needs them.
local fieldTexts, overdue

-- Removes the oldest remembered messages until the messages of the job are within the limit. `stored` and `latest`: sizes of the stored
-- message, and of the latest remembered one, which is not written yet.
local function limitMessages(id, state, stored, latest)
  local sum, queues, sizes = stored, {}, {}
  for other in string.gmatch(state.lines, '\nr([^\t]*)') do
    queues[#queues + 1] = other
    sizes[#queues] = latest and other == queue and latest or redis.call('HSTRLEN', workMessagesKey, id .. ' ' .. other)
    sum = sum + sizes[#queues]
  end
  for n, other in ipairs(queues) do
    if sum <= MAX_WORK_BYTES then return end
    sum = sum - sizes[n]
    works.forget(id, state, other)
  end
end

-- Keeps the message of a call with the job: as the stored one, or as a remembered one.
local function keepMessage(id, state, version, remembers, origin, message)
  if origin == '' then works.addSeen(state, match(message, '^[^\n]*'), version) end
  works.store(id, state, remembers and queue, message)
  if #message > largestWritten then largestWritten = #message end
  if remembers then
    limitMessages(id, state, redis.call('HSTRLEN', workMessagesKey, id), #message)
  elseif find(state.lines, '\nr', 1, true) then
    -- The claim answers the remembered message of its queue, too.
    works.forget(id, state, queue)
    limitMessages(id, state, #message)
  end
end

-- Returns true if the claim that got the lease also answers this message. `latest` to `latestAt`: as returned by claimOf.
local function covers(id, latest, latestVersion, latestAt, version, due, message)
  if latest ~= queue then return false end
  if version and version <= tonumber(latestVersion) and due <= tonumber(latestAt) then return true end
  -- A job with a lease has the message of its claim.
  local stored, name = redis.call('HGET', workMessagesKey, id), match(message, '^[^\n]*\n')
  return stored and sub(stored, 1, #name) == name
end

-- Returns the result of a claim that cannot be made, or nil. `latest` to `latestAt`: as returned by claimOf.
local function refusal(id, state, head, origin, message, latest, latestVersion, latestAt)
  works.settle(state, leaseNow)
  local version, due, ofOther = originOf(origin, origin == '' and match(message, '^[^\n]*'), state)
  if ofOther then return 'outdated' end
  if version and isHandled(state, queue, version, due) then return 'handled' end
  if head.restarts or not (head.status == STATUS or find(from, '\n' .. head.status .. '\n', 1, true)) then return 'moved' end
  if state.lease == 'o' or state.lease == 'w' then
    if not covers(id, latest, latestVersion, latestAt, version, due, message) then
      keepMessage(id, state, head.version, true, origin, message)
      works.keep(id, state)
    end
    return 'leased'
  end
end

local keyOf, hasPlace, wait
if field and FIELDS then
  -- Returns the key of a job for the limit, or nil if it has no value.
  function keyOf(i)
    if not fieldTexts then
      fieldTexts = redis.call('HMGET', valuesKey, unpack(ids))
      -- Every caller must know it before its next change, so the revision changes, too.
      if find(ARGV[2], 'n', 22, true) then
        redis.call('HSET', KEYS[1], 'limits', 1, 'revision', redis.sha1hex(metadata[1] .. now))
        reply[1] = 'grown'
      end
      local name = field .. '\t' .. queue
      if redis.call('HGET', rulesKey, name) ~= max then redis.call('HSET', rulesKey, name, max) end
    end
    local at = fieldTexts[i] and find('\n' .. fieldTexts[i], '\n' .. field .. '=', 1, true)
    return at and match(fieldTexts[i], '^[^\n]*', at)
  end

  -- Returns true if a job may run: it has a place of the key already, or one is free.
  function hasPlace(id, state, key)
    local places, limit = works.places(), tonumber(max)
    local used = places.taken(key)
    if state.counted == key then used = used - 1 end
    local heldUntil, ofKey = match(works.valuesOf(state, 'p', queue) or '', '^%d+ (%d+) %d+ %d+ (.*)$')
    if ofKey == key and heldUntil > now then used = used - 1 end
    if used < limit then return true end
    overdue = overdue or redis.call('ZRANGEBYSCORE', leasesKey, '-inf', leaseNow, 'LIMIT', 0, 100)
    for _, other in ipairs(overdue) do
      if other ~= id and places.isRunning(other, key) then used = used - 1 end
    end
    return used < limit
  end

  -- Lets the message of a call wait for a place, in the order of arrival. The worker of the latest claim can still store its outcome. Until then,
  -- a message that this claim answers gets its version as the origin, and any other message the next version. `latest` to `latestAt`: as
  -- returned by claimOf.
  function wait(id, state, head, key, origin, message, latest, latestVersion, latestAt)
    local name = match(message, '^[^\n]*')
    local version, due = originOf(origin, origin == '' and name, state)
    local isAnswered = latestVersion == head.version and covers(id, latest, latestVersion, latestAt, version, due, message)
    local since = isAnswered and latestVersion or head.newVersion
    local arrival, attempt, earlier = match(works.valuesOf(state, 'p', queue) or '', '^(%d+) %d+ (%d+) (%d+)')
    -- It also answers the message that it replaces.
    if attempt == head.attempt and tonumber(earlier) > tonumber(since) then since = earlier end
    arrival = arrival or string.format('%016.0f', redis.call('HINCRBY', KEYS[1], 'arrivals', 1))
    works.answer(id, state, queue)
    if origin == '' then works.addSeen(state, name, since) end
    push(works.messages, id .. ' p' .. queue, message)
    if #message > largestWritten then largestWritten = #message end
    works.put(state, 'p', queue, arrival .. ' 0 ' .. head.attempt .. ' ' .. since .. ' ' .. key, math.huge)
    works.places().wait(id, key, queue, arrival)
    works.keep(id, state)
  end
end

local function claimed(state, beginning)
  local ending, counts = string.format('%.0f', state.ending + away), state.counts or {}
  return 'claimed ' .. ending .. ' ' .. (counts.claimFailed or '0') .. ' ' .. (counts.claimExpired or '0') .. '\n' .. beginning
end

-- `text`: the record, or nil. `first`: position of the call's values in ARGV.
local function claim(i, key, text, first)
  local head, created, ops, history, data, stop = parse(text)
  if not head then return noRecord(key, text) end
  local id, entry, wantedVersion, origin, message = ids[i], ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3]
  local state = stateOf(i, created, head.attempt, true)
  local latest, latestVersion, latestAt = works.claimOf(state)
  if latestVersion == head.version and versionOfKey(text, history, entry, head.version, state) == latestVersion then
    works.give(state, leaseNow, leaseMs)
    works.keep(id, state)
    return claimed(state, ''), text
  end

  local refused = refusal(id, state, head, origin, message, latest, latestVersion, latestAt)
  if not refused and wantedVersion ~= '' and wantedVersion ~= head.version then refused = 'changed' end
  if refused then
    if works.answer(id, state, queue, true) then works.keep(id, state) end
    return refused, ''
  end
  local pause = metadata[7] and metadata[7] > now and pauseOf(pausesKey, queue, now)
  if pause then return 'paused', pause end
  local limitedKey = keyOf and keyOf(i)
  if limitedKey and not hasPlace(id, state, limitedKey) then
    wait(id, state, head, limitedKey, origin, message, latest, latestVersion, latestAt)
    return 'limited', ''
  end

  local counts = state.counts
  if counts and head.status ~= STATUS then counts.failed = nil end
  if state.stored == '1' and latest ~= queue then works.send(id, id, state, head.version) end
  local newHead, old = enter(key, id, text, head, created, ops, history, data, stop, entry, '')
  if SENDS ~= '' and head.status ~= STATUS then
    local fields = FIELDS and fieldsOf(id) or ''
    local queues = queuesFor(fields)
    for _, other in ipairs(queues) do works.addMessage(state, other, head.newVersion, now) end
    sendEntered(id, created, head.newAttempt, head.newVersion, queues, 0, ARGV[first + 4], fields)
  end
  keepMessage(id, state, head.newVersion, false, origin, message)
  if counts then counts.counted, counts.ended = nil, nil end
  state.present, state.limit = head.present, limitedKey or nil
  works.answer(id, state, queue)
  works.setClaim(state, queue, head.newVersion, now)
  if HISTORY_LIMIT < 4 then works.addKey(state, keyIn(entry), head.newVersion) end
  works.give(state, leaseNow, leaseMs)
  works.keep(id, state)
  if counts and (counts.failed or counts.expired) then newHead = claimed(state, newHead) end
  return newHead, old
end

local texts = readCalls()
for i = 1, calls do
  push(reply, claim(i, KEYS[4 + i], texts[i], 7 + (i - 1) * (SENDS == '' and 4 or 5)))
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
if works then works.finish(not metadata[5] and KEYS[1]) end

-- Gives jobs to workers: changes their status to STATUS, with a lease and the message that requested them. Comes after status-change.lua
-- requests.lua and pauses.lua.
-- CALL: 1 operation (JSON) and metadata of the change with the key of the claim, as they end a history entry, 2 version that the job must
--       have, or '', 3 further statuses in which the job can be claimed (one per line, between line breaks), 4 duration of the lease (ms),
--       5 queue (JSON), 6 id of the message (JSON), 7 origin or '' (see requests.lua), 8 message (JSON),
--       9 headers of the messages of the status (JSON) or ''
-- Replies: for each call
--          'claimed <end of the lease (ms)> <failed attempts> <expired leases>', a line break and the beginning of the new record; old record
--          the same without a beginning, record  the claim was made before, and its lease was renewed
--          'outdated', ''; 'handled', ''; 'moved', ''; 'leased', ''; 'changed', ''; 'missing', ''; 'unreadable', ''
--          'paused', pause of the queue (see pauses.lua)

-- Maximum size of the messages that are kept for a job.
local MAX_WORK_BYTES = 4194304

leaseNow, away = contact(KEYS[1], gapsKey, now)

-- Removes the oldest remembered messages until the messages of the job are within the limit.
local function limitMessages(id, more)
  local sum = more.stored or 0
  for _, message in ipairs(more.remembered or {}) do sum = sum + message[2] end
  while sum > MAX_WORK_BYTES and more.remembered do
    local oldest = more.remembered[1]
    sum = sum - oldest[2]
    works.forget(id, more, oldest[1])
  end
end

-- Keeps the message of a call with the job: as the stored one, or as a remembered one.
local function keepMessage(id, state, version, remembers, first)
  local queue, messageId, message, more = ARGV[first + 4], ARGV[first + 5], ARGV[first + 7], state.more
  if ARGV[first + 6] == '' then works.add(more, 'seen', { messageId, version }, 8) end
  local size = works.store(id, remembers and queue, messageId, message)
  if size > largestWritten then largestWritten = size end
  if remembers then
    works.add(more, 'remembered', { queue, size }, math.huge)
  else
    -- The claim answers the remembered message of its queue, too.
    works.forget(id, more, queue)
    more.stored = size
  end
  limitMessages(id, more)
end

local function claimed(state, beginning)
  local latest = state.more.claim
  local ending = string.format('%.0f', state.ending + away)
  return 'claimed ' .. ending .. ' ' .. latest.failed .. ' ' .. latest.expired .. '\n' .. beginning
end

-- `text`: the record, or nil. `first`: position of the call's values in ARGV.
local function claim(i, key, text, first)
  if not text then return redis.call('EXISTS', key) == 1 and 'unreadable' or 'missing', '' end
  local head, created, ops, history, data, stop = parse(text)
  if not head then return 'unreadable', '' end
  local id, entry, leaseMs, queue, messageId = sub(key, ID_AT), ARGV[first], ARGV[first + 3], ARGV[first + 4], ARGV[first + 5]
  local claimKey = match(entry, '"key":(".*")}$')
  local state = stateOf(i, created, head.attempt, true)
  local more = state.more
  local latest = more.claim
  if latest and latest.key == claimKey and latest.version == head.version then
    works.give(state, leaseNow, leaseMs)
    works.keep(id, state)
    return claimed(state, ''), text
  end

  works.settle(state, leaseNow)
  local version, due, ofOther = originOf(ARGV[first + 6], messageId, state)
  if ofOther then return 'outdated', '' end
  if version and isHandled(state, queue, version, due) then return 'handled', '' end
  if head.restarts or not (head.status == STATUS or find(ARGV[first + 2], '\n' .. head.status .. '\n', 1, true)) then return 'moved', '' end
  if state.lease == 'o' or state.lease == 'w' then
    local covers = latest and latest.queue == queue
      and (latest.id == messageId or (version and version <= tonumber(latest.version) and due <= tonumber(latest.at)))
    if not covers then
      keepMessage(id, state, head.version, true, first)
      works.keep(id, state)
    end
    return 'leased', ''
  end
  if ARGV[first + 1] ~= '' and ARGV[first + 1] ~= head.version then return 'changed', '' end
  local pause = metadata[7] and metadata[7] > now and pauseOf(pausesKey, queue, now)
  if pause then return 'paused', pause end

  state.version = head.version
  if head.status ~= STATUS then more.failed = nil end
  if more.stored and latest.queue ~= queue then works.send(id, id, state) end
  local newHead = enter(key, text, head, created, ops, history, data, stop, entry, '')
  if SENDS ~= '' and head.status ~= STATUS then
    local fields = FIELDS and fieldsOf(id) or ''
    local queues = queuesFor(fields)
    for _, other in ipairs(queues) do works.add(more, 'messages', { other, head.newVersion, now }, MAX_QUEUES) end
    sendEntered(id, created, head.newAttempt, head.newVersion, queues, 0, ARGV[first + 8], fields)
  end
  keepMessage(id, state, head.newVersion, false, first)
  more.counted, more.ended = nil, nil
  more.claim = { key = claimKey, queue = queue, id = messageId, version = head.newVersion, at = now, failed = more.failed or 0, expired = more.expired or 0 }
  works.add(more, 'claims', { queue, head.newVersion, now }, MAX_QUEUES)
  if HISTORY_LIMIT < 4 then works.add(more, 'keys', { claimKey, head.newVersion }, 4) end
  state.version, state.status, state.expiry = head.newVersion, STATUS, expires or '0'
  works.give(state, leaseNow, leaseMs)
  works.keep(id, state)
  return claimed(state, newHead), text
end

local texts = readCalls()
for i = 1, calls do
  reply[2 * i], reply[2 * i + 1] = claim(i, KEYS[4 + i], texts[i], 9 * i - 6)
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
if works then works.finish(not metadata[5] and KEYS[1]) end

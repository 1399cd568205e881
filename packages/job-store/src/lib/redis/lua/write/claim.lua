-- Gives jobs to workers: changes their status to STATUS, with a lease and the message that requested them. Comes after status-change.lua
-- requests.lua and pauses.lua.
-- ARGV: 3 further statuses in which the jobs can be claimed (one per line, between line breaks), 4 duration of the leases (ms), 5 queue of
--       the messages (JSON); from 6 on, the values of the calls
-- CALL: 1 operation (JSON) and metadata of the change with the key of the claim, as they end a history entry, 2 version that the job must
--       have, or '', 3 origin or '' (see requests.lua), 4 id of the message (JSON), a line break, and the message (JSON); if
--       the status has messages: 5 their headers (JSON) or ''
-- Replies: for each call
--          beginning of the new record, old record  the job was claimed, with a lease from now on, no failed attempts and no expired leases
--          'claimed <end of the lease (ms)> <failed attempts> <expired leases>', a line break and the beginning of the new record; old record
--          the same without a beginning, record  the claim was made before, and its lease was renewed
--          'outdated', ''; 'handled', ''; 'moved', ''; 'leased', ''; 'changed', ''; 'missing', ''; 'unreadable', ''
--          'paused', pause of the queue (see pauses.lua)

-- Maximum size of the messages that are kept for a job.
local MAX_WORK_BYTES = 4194304

local away
leaseNow, away = contact(KEYS[1], gapsKey, now)
local from, leaseMs, queue = unpack(ARGV, 3, 5)

-- Removes the oldest remembered messages until the messages of the job are within the limit.
local function limitMessages(id, state)
  local sum = tonumber(state.stored)
  for size in string.gmatch(state.lines, '\nr[^\t]*\t(%d+)') do sum = sum + size end
  while sum > MAX_WORK_BYTES do
    local oldest, size = match(state.lines, '\nr([^\t]*)\t(%d+)')
    if not oldest then return end
    sum = sum - size
    works.forget(id, state, oldest)
  end
end

-- Keeps the message of a call with the job: as the stored one, or as a remembered one.
local function keepMessage(id, state, version, remembers, origin, name, message)
  if origin == '' then works.addSeen(state, name, version) end
  local size = works.store(id, remembers and queue, message)
  if size > largestWritten then largestWritten = size end
  if remembers then
    works.put(state, 'r', queue, size, math.huge)
  else
    -- The claim answers the remembered message of its queue, too.
    works.forget(id, state, queue)
    state.stored = tostring(size)
  end
  if find(state.lines, '\nr', 1, true) then limitMessages(id, state) end
end

local function claimed(state, latest, beginning)
  return 'claimed ' .. string.format('%.0f', state.ending + away) .. ' ' .. latest.failed .. ' ' .. latest.expired .. '\n' .. beginning
end

-- `text`: the record, or nil. `first`: position of the call's values in ARGV.
local function claim(i, key, text, first)
  local head, created, ops, history, data, stop = parse(text)
  if not head then return noRecord(key, text) end
  local id, entry, wantedVersion, origin, message = sub(key, ID_AT), unpack(ARGV, first, first + 3)
  local claimKey, name, state = keyIn(entry), match(message, '^[^\n]*'), stateOf(i, created, head.attempt, true)
  local latest = works.claimOf(state)
  if latest and latest.version == head.version and versionOfKey(text, history, claimKey, head.version, state) == head.version then
    works.give(state, leaseNow, leaseMs)
    works.keep(id, state)
    return claimed(state, latest, ''), text
  end

  works.settle(state, leaseNow)
  local version, due, ofOther = originOf(origin, name, state)
  if ofOther then return 'outdated', '' end
  if version and isHandled(state, queue, version, due) then return 'handled', '' end
  if head.restarts or not (head.status == STATUS or find(from, '\n' .. head.status .. '\n', 1, true)) then return 'moved', '' end
  if state.lease == 'o' or state.lease == 'w' then
    local covers = latest and latest.queue == queue
      and (latest.id == name or (version and version <= tonumber(latest.version) and due <= tonumber(latest.at)))
    if not covers then
      keepMessage(id, state, head.version, true, origin, name, message)
      works.keep(id, state)
    end
    return 'leased', ''
  end
  if wantedVersion ~= '' and wantedVersion ~= head.version then return 'changed', '' end
  local pause = metadata[7] and metadata[7] > now and pauseOf(pausesKey, queue, now)
  if pause then return 'paused', pause end

  if head.status ~= STATUS then state.failed = 0 end
  if state.stored ~= '0' and latest.queue ~= queue then works.send(id, id, state, head.version) end
  local newHead = enter(key, text, head, created, ops, history, data, stop, entry, '')
  if SENDS ~= '' and head.status ~= STATUS then
    local fields = FIELDS and fieldsOf(id) or ''
    local queues = queuesFor(fields)
    for _, other in ipairs(queues) do works.addMessage(state, other, head.newVersion, now) end
    sendEntered(id, created, head.newAttempt, head.newVersion, queues, 0, ARGV[first + 4], fields)
  end
  keepMessage(id, state, head.newVersion, false, origin, name, message)
  state.counted, state.ended, state.present = '0', '-', head.present
  works.setClaim(state, latest, queue, name, head.newVersion, now)
  if HISTORY_LIMIT < 4 then works.addKey(state, claimKey, head.newVersion) end
  works.give(state, leaseNow, leaseMs)
  works.keep(id, state)
  if state.failed == 0 and state.expired == 0 then return newHead, text end
  return claimed(state, state, newHead), text
end

local texts = readCalls()
for i = 1, calls do
  reply[2 * i], reply[2 * i + 1] = claim(i, KEYS[4 + i], texts[i], 6 + (i - 1) * (SENDS == '' and 4 or 5))
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
if works then works.finish(not metadata[5] and KEYS[1]) end

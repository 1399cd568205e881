-- Counts the running jobs of limited keys, and keeps the messages of the jobs that wait for a place. Comes after script-bytes.lua.
--
-- Replies: none of its own
--
-- A key is a line of the field values: owner="ann". Three keys of the store belong to it:
-- * `limitsKey` is a sorted set whose members all have the score 0, so they are ordered by their bytes:
--     <key><tab>h<time><tab><queue><tab><id>     a sent message that holds its place until this time (13 digits)
--     <key><tab>r<id>                            a job with a worker's lease that counts
--     <key><tab>w<queue><tab><arrival><tab><id>  a message that waits
--   So one range has all places of a key that are taken, and another one has the messages of a queue in the order of arrival (16 digits).
-- * `listsKey` is a sorted set: <key><tab><queue>, scored by the time of the next check (ms).
-- * `rulesKey` is a hash: <field> -> time until which a live worker limits the field (ms), <field><tab><queue> -> newest `max` used.
-- A work state has a line for each of these members (see work-state.lua), so a script that changes or deletes a state also changes the members.
-- The metadata has `limits` from the first claim with a limit on. Without it, no work state has such lines, and changes of jobs do not pass the
-- three keys.
-- The text of a message that waits is in the hash of messages, as `<job id> p<queue>`.
--
-- The time of a lease is not in the set, so a renewal writes nothing here. A lease that is over counts until the next claim of the outbox
-- ends it; a claim that finds no free place looks for such leases.

-- Creates the functions below. Most runs do not need them. `now`: clock of the server (ms). `outboxKey` nil: the script sends no message, and
-- leaves that to the next claim of the outbox.
local function newPlaces(now, outboxKey, workKey, workMessagesKey, limitsKey, listsKey, rulesKey)
  local HOLD_MS, CHECK_MS = 10000, 60000
  -- Maximum number of messages that one run sends for a key, and of lists that it checks.
  local MAX_SENT, MAX_LISTS = 100, 20
  local find, match, sub = string.find, string.match, string.sub
  local freed, isFreed, rules, bytesSent = {}, {}, nil, 0

  local function timeText(time) return string.format('%013.0f', time) end

  local function free(key)
    if isFreed[key] then return end
    isFreed[key] = true
    freed[#freed + 1] = key
  end

  -- Returns the number of places of a key that are taken.
  local function taken(key)
    return redis.call('ZLEXCOUNT', limitsKey, '[' .. key .. '\th' .. timeText(now + 1), '(' .. key .. '\ts')
  end

  local function isRunning(id, key) return redis.call('ZSCORE', limitsKey, key .. '\tr' .. id) end

  local function enter(id, key) redis.call('ZADD', limitsKey, 0, key .. '\tr' .. id) end

  local function leave(id, key)
    redis.call('ZREM', limitsKey, key .. '\tr' .. id)
    free(key)
  end

  local function wait(id, key, queue, arrival)
    redis.call('ZADD', limitsKey, 0, key .. '\tw' .. queue .. '\t' .. arrival .. '\t' .. id)
    redis.call('ZADD', listsKey, 'NX', timeText(now + CHECK_MS), key .. '\t' .. queue)
  end

  -- Forgets a message that waits or was sent. `values`: those of its line in the work state.
  local function forget(id, queue, values)
    local arrival, heldUntil, key = match(values, '^(%d+) (%d+) %d+ %d+ (.*)$')
    if heldUntil == '0' then
      redis.call('ZREM', limitsKey, key .. '\tw' .. queue .. '\t' .. arrival .. '\t' .. id)
      redis.call('HDEL', workMessagesKey, id .. ' p' .. queue)
    else
      redis.call('ZREM', limitsKey, key .. '\th' .. heldUntil .. '\t' .. queue .. '\t' .. id)
      free(key)
    end
  end

  -- Forgets everything about a job. `text`: its work state.
  local function forgetJob(id, text)
    local key = match(text, '\nl([^\t\n]*)\t')
    if key then leave(id, key) end
    for queue, values in string.gmatch(text, '\np([^\t\n]*)\t([^\n]*)') do forget(id, queue, values) end
  end

  -- Returns the oldest message of a list: its member, arrival and job, or nil.
  local function firstOf(key, queue)
    local start = key .. '\tw' .. queue .. '\t'
    local member = redis.call('ZRANGE', limitsKey, '[' .. start, '(' .. start .. '\255', 'BYLEX', 'LIMIT', 0, 1)[1]
    if member then return member, match(member, '^(%d+)\t(.*)$', #start + 1) end
  end

  -- Puts a message into the outbox. It then holds its place for some time.
  local function send(key, queue, member, arrival, id)
    redis.call('ZREM', limitsKey, member)
    local text, name = redis.call('HGET', workKey, id), id .. ' p' .. queue
    local _, last = find(text or '', '\np' .. queue .. '\t' .. arrival .. ' 0', 1, true)
    local stored = last and redis.call('HGET', workMessagesKey, name)
    if not stored then return end
    local created, run = match(text, '^%d+'), match(text, '^ %d+ %d+', last + 1)
    local messageId, message = match(stored, '^([^\n]*)\n(.*)$')
    redis.call('XADD', outboxKey, '*', 'job', id, 'id', messageId, 'message', message, 'origin', created .. run .. ' 0')
    redis.call('HDEL', workMessagesKey, name)
    local heldUntil = timeText(now + HOLD_MS)
    redis.call('ZADD', limitsKey, 0, key .. '\th' .. heldUntil .. '\t' .. queue .. '\t' .. id)
    redis.call('HSET', workKey, id, sub(text, 1, last - 1) .. heldUntil .. sub(text, last + 1))
    bytesSent = bytesSent + #stored
  end

  -- Returns the lists of a key, each with its queue and limit.
  local function listsOf(key)
    rules = rules or redis.call('HGETALL', rulesKey)
    local lists, start = {}, match(key, '^[^=]*') .. '\t'
    for i = 1, #rules, 2 do
      if sub(rules[i], 1, #start) == start then lists[#lists + 1] = { queue = sub(rules[i], #start + 1), max = tonumber(rules[i + 1]) } end
    end
    return lists
  end

  -- Lets the next claim of the outbox continue.
  local function checkSoon(key, lists)
    for _, list in ipairs(lists) do redis.call('ZADD', listsKey, 'XX', 0, key .. '\t' .. list.queue) end
  end

  -- Sends the oldest messages of a key as long as places are free, or all of them.
  local function sendNext(key, all)
    if not redis.call('ZRANGE', limitsKey, '[' .. key .. '\tw', '(' .. key .. '\tx', 'BYLEX', 'LIMIT', 0, 1)[1] then return end
    local lists, count, used = listsOf(key), 0, taken(key)
    if not outboxKey then return checkSoon(key, lists) end
    while true do
      local oldest
      for _, list in ipairs(lists) do
        if all or used < list.max then
          if not list.member then list.member, list.arrival, list.id = firstOf(key, list.queue) end
          if list.member and not (oldest and oldest.arrival < list.arrival) then oldest = list end
        end
      end
      if not oldest then return end
      if count == MAX_SENT or bytesSent > MAX_SCRIPT_BYTES then return checkSoon(key, lists) end
      send(key, oldest.queue, oldest.member, oldest.arrival, oldest.id)
      oldest.member, count, used = nil, count + 1, used + 1
    end
  end

  -- Sends the messages for all places that became free. Comes after all changes of work states.
  local function sendFreed()
    for _, key in ipairs(freed) do sendNext(key) end
  end

  -- Checks the lists whose time has come. Without a live worker that limits their field, all of their messages are sent.
  local function checkLists()
    for _, list in ipairs(redis.call('ZRANGEBYSCORE', listsKey, '-inf', now, 'LIMIT', 0, MAX_LISTS)) do
      local key, queue = match(list, '^([^\t]*)\t(.*)$')
      if firstOf(key, queue) then
        redis.call('ZADD', listsKey, timeText(now + CHECK_MS), list)
        sendNext(key, tonumber(redis.call('HGET', rulesKey, match(key, '^[^=]*')) or 0) <= tonumber(now))
      else
        redis.call('ZREM', listsKey, list)
      end
    end
  end

  return { taken = taken, isRunning = isRunning, enter = enter, leave = leave, wait = wait, forget = forget, forgetJob = forgetJob, sendFreed = sendFreed,
    checkLists = checkLists }
end

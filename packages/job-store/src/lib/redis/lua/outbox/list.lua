-- Reads messages of the outbox without claiming them, in order, as many as one script may read. Reads only. Comes after read-limit.lua and
-- rank.lua.
-- KEYS: 1 metadata (hash), 2 entries (stream, in commit order), 3 claims (entry id, scored by the end of its claim), 4 scheduled messages
--       (number, scored by due time), 5 scheduled entries (number -> fields), 6 rejected (entry id, scored by its time), 7 rejected
--       entries (entry id -> fields and reason)
-- ARGV: 1 kind ('waiting', 'scheduled' or 'rejected'), 2 maximum number of messages, 3 score after which the page starts, or '', or '0' in
--       the stream, 4 id or number after which it starts, 5 id of the job whose messages are returned, or '' for all
-- Replies: { 'list', number of messages that were read, score and id of the last one if others follow, else '' and '',
--          { id or number, score, fields as an array or as JSON, 1 if it is claimed, else 0 } … }

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local limit, jobId = tonumber(ARGV[2]), ARGV[5]
local count, lastScore, lastId = 0, '', ''
local reply = { 'list', 0, '', '' }

-- Returns true if the script may read another message of this size.
local function hasRoom(size)
  return count < limit and (count == 0 or bytesRead + size <= MAX_SCRIPT_BYTES)
end

-- Counts a message, and adds it to the reply if it is of the job.
local function take(id, score, size, isOfJob, fields)
  bytesRead, count, lastScore, lastId = bytesRead + size, count + 1, score, id
  if not isOfJob then return end
  local claim = score == '0' and redis.call('ZSCORE', KEYS[3], id)
  reply[#reply + 1] = { id, score, fields, claim and tonumber(claim) > now and 1 or 0 }
end

-- Reads the stream after an entry. Returns false if the page ends before the end of the stream.
local function readStream(after)
  local largest = tonumber(redis.call('HGET', KEYS[1], 'largest') or DEFAULT_LARGEST)
  while true do
    local wanted = math.max(1, math.min(limit - count + 1, math.floor((MAX_SCRIPT_BYTES - bytesRead) / largest)))
    local found = redis.call('XRANGE', KEYS[2], '(' .. after, '+', 'COUNT', wanted)
    for _, entry in ipairs(found) do
      local id, fields = entry[1], entry[2]
      local size = #(fields[6] or '')
      if not hasRoom(size) then return false end
      take(id, '0', size, jobId == '' or fields[2] == jobId, fields)
      after = id
    end
    if #found < wanted then return true end
  end
end

-- Reads the messages of a sorted set from one place to another. Returns false if the page ends before.
local function readSorted(key, entriesKey, first, last)
  local ofJob = '["job","' .. jobId .. '",'
  while first <= last do
    local members = redis.call('ZRANGE', key, first, math.min(last, first + limit - count), 'WITHSCORES')
    for i = 1, #members, 2 do
      local id = members[i]
      local size = redis.call('HSTRLEN', entriesKey, id)
      if not hasRoom(size) then return false end
      local fields = redis.call('HGET', entriesKey, id)
      if fields then take(id, int(members[i + 1]), size, jobId == '' or string.sub(fields, 1, #ofJob) == ofJob, fields) end
    end
    if #members == 0 then return true end
    first = first + #members / 2
  end
  return true
end

-- Returns the place at which the page starts in a sorted set.
local function startIn(key)
  if ARGV[3] == '' or ARGV[3] == '0' then return 0 end
  local place, present = rank(key, tonumber(ARGV[3]), ARGV[4])
  return present and place + 1 or place
end

local isComplete
if ARGV[1] == 'waiting' then
  local inStream = ARGV[3] == '' or ARGV[3] == '0'
  isComplete = not inStream or readStream(ARGV[3] == '0' and ARGV[4] or '0-0')
  -- Messages that are due become entries at the next claim, after the present ones.
  isComplete = isComplete and readSorted(KEYS[4], KEYS[5], startIn(KEYS[4]), below(KEYS[4], int(now)) - 1)
elseif ARGV[1] == 'scheduled' then
  local firstLater = below(KEYS[4], int(now))
  isComplete = readSorted(KEYS[4], KEYS[5], math.max(firstLater, startIn(KEYS[4])), below(KEYS[4], '+inf') - 1)
else
  isComplete = readSorted(KEYS[6], KEYS[7], startIn(KEYS[6]), below(KEYS[6], '+inf') - 1)
end
reply[2] = count
if not isComplete then reply[3], reply[4] = lastScore, lastId end
return reply

-- Completes jobs that a script creates. Comes after status-messages.lua.
--
-- KEYS: 2 index by status, 3 index by creation
-- Replies: none of its own

-- A job is created later than every deleted one, so that no snapshot of a deleted job matches it, even after the clock went back.
local createdAt = metadata[6] and metadata[6] >= now and string.format('%.0f', metadata[6] + 1) or now
local newExpiry = TTL ~= '0' and tostring(createdAt + TTL)
local newScore, newTimes, newEvent = CODE .. createdAt, createdAt .. ',' .. createdAt, EVENT .. createdAt
-- Entries of the new jobs in the indexes.
local newByStatus, newByCreation = {}, {}

-- Completes a job whose record was written. `first`: position of the record in ARGV; if calls have all values, those of its creation and
-- its fields follow. `headers`: those of the messages of the status. `from` and `to`: positions of the other messages.
local function completeJob(key, first, headers, from, to)
  local id, remark, fields = sub(key, ID_AT), '', ''
  if detailed then remark, fields = ARGV[first + 1], ARGV[first + 2] end
  redis.call('SETRANGE', key, TIMES_AT, newTimes)
  if newExpiry then redis.call('PEXPIREAT', key, newExpiry) end
  if #ARGV[first] > largestWritten then largestWritten = #ARGV[first] end
  -- Without fields, too: an expired job with this id can have left some.
  if FIELDS then indexFields(id, newScore, createdAt, fields) end
  push(newByStatus, newScore, id)
  push(newByCreation, createdAt, id)
  if from <= to then send(id, createdAt, '1', '1', from, to) end
  if SENDS ~= '' then sendEntered(id, createdAt, '1', '1', queuesFor(fields), (to + 1 - from) / 3, headers, fields) end
  addEvent(remark == '' and newEvent or newEvent .. ',"remark":' .. remark, id)
end

-- Adds the new jobs to the indexes. Comes after all calls of completeJob.
local function indexNewJobs()
  if #newByStatus == 0 then return end
  redis.call('ZADD', KEYS[2], unpack(newByStatus))
  redis.call('ZADD', KEYS[3], unpack(newByCreation))
end

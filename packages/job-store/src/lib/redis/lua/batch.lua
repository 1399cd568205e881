-- Begins every script that changes jobs: refuses what comes too late or without a map, and reads the jobs meant. One or
-- several calls travel together, each on one job, in their order; the verbs come next, commit.lua last. A verb looks and
-- decides, and writes nothing; so a call is refused by itself, and all that is decided is written at the end.
--
-- KEYS: after those of log.lua 7 outbox (stream), 8 removals (operation id, scored by its deadline); from 9 on, the job of
--       each call
-- ARGV: 1 edition of the map the caller knows, 2 deadline (ms by this server's clock), 3 '1' where these calls may
--       have arrived before, 4 as in log.lua, 5 history limit, 6 largest record (bytes), 7 where the id begins
--       in a job's key, 8 final statuses (JSON, one a line), 9 how many statuses the calls name, 10 status (JSON), 11 its
--       code with its ttl, 12 its ttl (ms), 13 statuses from which the move is legal (as 8), and so on; then of each call
--       its verb, operation id, and the verb's own
-- Replies: { 'late' }   the deadline has passed: nothing was done, nor will be
--          { 'stale' }  the map has changed: the caller reads it again and repeats
--          { 'done', reply of each call … }, where that may also be
--          { 'removed' }  the operation was carried out before, and its job has been removed since
--          { 'missing' } { 'unreadable' }  there is no record to change

if now > tonumber(ARGV[2]) then return { 'late' } end
if map[1] ~= ARGV[1] then return { 'stale' } end

local repeated, historyLimit, largest = ARGV[3] == '1', tonumber(ARGV[5]), tonumber(ARGV[6])

-- A status that calls name by its place: as JSON, its ttl, the index score of entering it now, and ARGV[13] of it.
local statuses = {}
for i = 1, tonumber(ARGV[9]) do
  local json, code, ttl, sources = unpack(ARGV, 6 + 4 * i, 9 + 4 * i)
  statuses[tostring(i)] = {
    json = json, code = code, ttl = ttl, sources = sources, score = int(code * 4398046511104 + now),
  }
end

-- Decided, to be written: messages for the outbox, and removals to remember.
local messages, marks = {}, {}

-- Why there is no record: `foreign` is what is no text.
local function refusal(job)
  if job.foreign then return { 'unreadable' } end
  return { 'missing' }
end

-- Whether an operation was carried out before, on a job that has been removed since.
local function isRemoved(operation)
  return repeated and redis.call('ZSCORE', KEYS[8], operation)
end

-- Decides that a job has another text. `entered` nil: it keeps its places in the indexes.
local function write(job, text, expires, score)
  job.text, job.changed, job.expires = text, true, expires
  if score then job.score = score end
end

-- The JSON of a change of status, for the log. `remark` is as in the history.
local function change(from, to, version, remark)
  return ',"from":' .. from .. ',"to":' .. to .. ',"version":' .. version
    .. (remark == '' and '' or ',"remark":' .. sub(remark, 2))
end

-- Messages stand in ARGV from `first` on, two values each: id (JSON) or '', and the message (JSON).
local function send(id, version, first, count)
  for i = 0, count - 1 do
    local name = ARGV[first + 2 * i]
    if name == '' then name = '"' .. id .. '.' .. version .. '.' .. i .. '"' end
    messages[#messages + 1] = { id, name, ARGV[first + 2 * i + 1] }
  end
end

local verbs = {}

-- Begins every script that changes jobs: refuses what comes too late or without a map. One or several calls travel
-- together, each on one job, in their order; record.lua and the verbs come next, commit.lua last. A verb looks and
-- decides, and writes nothing; so a call is refused by itself, and all that is decided is written at the end.
--
-- KEYS: after those of log.lua 7 outbox (stream), 8 removals (operation id, scored by its deadline); from 9 on, the job of
--       each call
-- ARGV: 1 edition of the map the caller knows, 2 deadline (ms by this server's clock), 3 '1' where these calls may
--       have arrived before, 4 as in log.lua, 5 history limit, 6 largest record (bytes), 7 position of the id
--       in a job's key (bytes, from 1), 8 final statuses (JSON, one a line), 9 '1' where each call creates a job,
--       10 how many statuses the calls name, 11 the name of one, 12 status (JSON), 13 its code with its ttl · 2^42, 14 its ttl (ms), 15 statuses from
--       which the move is legal (as 8), and so on; then of each call its verb, how many values follow, and these
-- Replies: { 'late' }   the deadline has passed: nothing was done, nor will be
--          { 'stale' }  the map has changed: the caller reads it again and repeats
--          { 'done', of each call what happened, and what belongs to that … }, where that may also be
--          'removed'  the operation was carried out before, and its job has been removed since
--          'missing' 'unreadable'  there is no record to change

if now > tonumber(ARGV[2]) then return { 'late' } end
if map[1] ~= ARGV[1] then return { 'stale' } end

local deadline, repeated, historyLimit, largest = tonumber(ARGV[2]), ARGV[3] == '1', tonumber(ARGV[5]), tonumber(ARGV[6])

-- What calls enter, by its name: as JSON, its ttl, the index score of entering it now, when that is over, and so on.
local statuses, calls = {}, 11 + 5 * ARGV[10]
for i = 11, calls - 1, 5 do
  local name, json, base, ttl, sources = unpack(ARGV, i, i + 4)
  statuses[name] = {
    json = json, base = base, ttl = ttl, sources = sources, score = int(base + now), expires = ttl ~= '0' and int(now + ttl),
  }
end

-- Decided, to be written: messages for the outbox, and removals to remember.
local messages, marks = {}, {}

-- Why there is no record: `foreign` is what is no text.
local function refusal(job)
  return job.foreign and 'unreadable' or 'missing'
end

-- Decides that a job has another text. `score` nil: it keeps its places in the indexes.
local function write(job, text, expires, score)
  job.text, job.changed, job.expires = text, true, expires
  if score then job.score = score end
end

-- Messages are two values each: id (JSON) or '', and the message (JSON).
local function send(id, version, ...)
  for i = 1, select('#', ...), 2 do
    local name, message = select(i, ...)
    if name == '' then name = '"' .. id .. '.' .. version .. '.' .. (i - 1) / 2 .. '"' end
    messages[#messages + 1] = { id, name, message }
  end
end

local verbs = {}

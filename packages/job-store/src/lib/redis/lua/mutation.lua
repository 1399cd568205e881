-- Put before every mutation, after log.lua: refuses what comes too late or without a map, and knows the record's text.
--
-- KEYS: after those of log.lua 7 outbox (stream), 8 the job, 9 removals (operation id, scored by
--       its deadline)
-- ARGV: 1 edition of the map the caller knows, 2 deadline (ms by this server's clock), 3 operation id,
--       4 as in log.lua; then the verb's own
-- Replies: { 'late', now }  the deadline has passed: nothing was done, nor will be
--          { 'stale' }      the map has changed: the caller reads it again and repeats
--          { 'removed' }    the operation was carried out before, and its job has been removed since
--
-- A record is one JSON document in seven parts, each on a line of its own, blank where there is nothing:
--   control    {"version":2,"status":"running","attempt":1,"times":[createdAt,statusAt,ttl],  and, where it is not
--              statusAt, updatedAt behind the ttl
--   progress   "progress":…,
--   result     "result":…,
--   failure    "error":…,
--   data       "data":…,
--   operations "ops":"<operation id> <deadline> <version> …",
--   history    "history":[ and a line [version,from,to,at,{by,note,key}] for each entry, closed by ]}
-- JSON text holds no raw line break, so lines are cut and replaced without ever decoding JSON. All times but createdAt
-- count from it, in ms; the ttl of 0 is for ever.

if now > tonumber(ARGV[2]) then return { 'late', int(now) } end
if map[1] ~= ARGV[1] then return { 'stale' } end
if redis.call('ZSCORE', KEYS[9], ARGV[3]) then return { 'removed' } end

local function parse(text)
  local control, progress, result, failure, data, ops, history =
    string.match(text, '^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
  if not history then return nil end
  local version, status, attempt, created, entered, ttl, updated =
    string.match(control, '^{"version":(%d+),"status":(".*"),"attempt":(%d+),"times":%[(%d+),(%-?%d+),(%d+),?(%-?%d*)%],$')
  if not version then return nil end
  return {
    version = tonumber(version), status = status, attempt = tonumber(attempt), created = tonumber(created),
    updated = (tonumber(updated) or tonumber(entered)) + created, entered = tonumber(entered) + created,
    ttl = tonumber(ttl),
    progress = progress, result = result, failure = failure, data = data, ops = ops, history = history,
  }
end

local function compose(job)
  local control = '{"version":' .. int(job.version) .. ',"status":' .. job.status .. ',"attempt":' .. int(job.attempt)
    .. ',"times":[' .. int(job.created) .. ',' .. int(job.entered - job.created) .. ',' .. int(job.ttl)
    .. (job.updated == job.entered and '' or ',' .. int(job.updated - job.created)) .. '],'
  return table.concat({ control, job.progress, job.result, job.failure, job.data, job.ops, job.history }, '\n')
end

-- The version that this operation left behind when it was carried out before; a retry is answered by it.
local function answered(job)
  return string.match(job.ops, ARGV[3] .. ' %-?%d+ (%d+)')
end

-- An operation can be repeated until its deadline and no longer, so that is how long it is remembered, and a second
-- more: a caller that reconnected may count its deadline a little differently.
local function remember(job)
  local ops, kept = string.match(job.ops, '^"ops":"(.*)",$') or '', 1
  -- From the oldest on, as far as they are over: a busy job has hundreds.
  for deadline, after in string.gmatch(ops, '%w+ (%-?%d+) %d+ ?()') do
    if deadline + job.created + 1000 >= now then break end
    kept = after
  end
  local others = kept <= #ops and string.sub(ops, kept) .. ' ' or ''
  job.ops = '"ops":"' .. others .. ARGV[3] .. ' ' .. int(ARGV[2] - job.created) .. ' ' .. int(job.version) .. '",'
end

-- An empty expectation accepts any.
local function conflicts(job, version, created)
  return (version ~= '' and tonumber(version) ~= job.version) or (created ~= '' and tonumber(created) ~= job.created)
end

-- `list` holds JSON strings, one a line, each closed by a line break.
local function contains(list, status)
  return string.find('\n' .. list, '\n' .. status .. '\n', 1, true) ~= nil
end

-- Adds an entry, and drops the oldest past the limit. `from` is JSON, `remark` is what follows the time in the entry.
local function record(job, from, remark, limit)
  local entries = string.sub(job.history, 1, -3)
  local _, count = string.gsub(entries, '\n', '')
  local first = string.find(entries, '\n', 1, true)
  local kept = first
  for _ = 1, math.min(count, count - limit + 1) do kept = string.find(entries, '\n', kept + 1, true) end
  if kept ~= first then entries = string.sub(entries, 1, first - 1) .. (kept and string.sub(entries, kept) or '') end
  if limit > 0 then
    if string.sub(entries, -1) ~= '[' then entries = entries .. ',' end
    entries = entries .. '\n[' .. int(job.version) .. ',' .. from .. ',' .. job.status .. ','
      .. int(job.entered - job.created) .. remark .. ']'
  elseif string.sub(entries, -1) == ',' then
    entries = string.sub(entries, 1, -2)
  end
  job.history = entries .. ']}'
end

-- Writes the job with its time to live and its places in the indexes. `fields` nil: those that it has.
local function store(id, job, text, code, fields)
  if job.ttl == 0 then
    redis.call('SET', KEYS[8], text)
  else
    redis.call('SET', KEYS[8], text, 'PXAT', int(job.entered + job.ttl))
  end
  place(id, code * 4398046511104 + job.entered, job.created, fields)
end

-- The JSON of a change of status, for the log. `remark` is as in the history.
local function change(job, from, remark)
  return ',"from":' .. from .. ',"to":' .. job.status .. ',"version":' .. int(job.version)
    .. (remark == '' and '' or ',"remark":' .. string.sub(remark, 2))
end

-- Messages stand in ARGV from `first` on, two values each: id (JSON) or '', and the message (JSON).
local function send(id, job, first)
  for i = first, #ARGV, 2 do
    local message = ARGV[i]
    if message == '' then message = '"' .. id .. '.' .. int(job.version) .. '.' .. int((i - first) / 2) .. '"' end
    redis.call('XADD', KEYS[7], '*', 'job', id, 'id', message, 'message', ARGV[i + 1])
  end
end

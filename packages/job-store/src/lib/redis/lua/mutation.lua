-- Put before every mutation, after places.lua: refuses what comes too late or without a map, and knows the record's text.
--
-- KEYS: after those of places.lua 6 events (stream), 7 outbox or, when removing, removals; 8 the job
-- ARGV: 1 edition of the map the caller knows, 2 deadline (ms by this server's clock), 3 operation id,
--       4 events kept; then the verb's own
-- Replies: { 'late', now }  the deadline has passed: nothing was done, nor will be
--          { 'stale' }      the map has changed: the caller reads it again and repeats
--
-- A record is one JSON document in seven parts, each on a line of its own, blank where there is nothing:
--   control    {"version":2,"status":"running","attempt":1,"times":[createdAt,updatedAt,statusAt,ttl],
--   progress   "progress":…,
--   result     "result":…,
--   failure    "error":…,
--   data       "data":…,
--   operations "ops":"<operation id> <deadline> <version> …",
--   history    "history":[ and a line [version,from,to,at,{by,note,key}] for each entry, closed by ]}
-- JSON text holds no raw line break, so lines are cut and replaced without ever decoding JSON. All times but createdAt
-- count from it, in ms; the ttl of 0 is for ever.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[2]) then return { 'late', string.format('%.0f', now) } end
if map[1] ~= ARGV[1] then return { 'stale' } end

-- tostring keeps 14 digits, too few for an index score.
local function int(number) return string.format('%.0f', number) end

local function parse(text)
  local control, progress, result, failure, data, ops, history =
    string.match(text, '^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
  if not history then return nil end
  local version, status, attempt, created, updated, entered, ttl =
    string.match(control, '^{"version":(%d+),"status":(".*"),"attempt":(%d+),"times":%[(%d+),(%-?%d+),(%-?%d+),(%d+)%],$')
  if not version then return nil end
  return {
    version = tonumber(version), status = status, attempt = tonumber(attempt), created = tonumber(created),
    updated = tonumber(updated) + created, entered = tonumber(entered) + created, ttl = tonumber(ttl),
    progress = progress, result = result, failure = failure, data = data, ops = ops, history = history,
  }
end

local function compose(job)
  local control = '{"version":' .. int(job.version) .. ',"status":' .. job.status .. ',"attempt":' .. int(job.attempt)
    .. ',"times":[' .. int(job.created) .. ',' .. int(job.updated - job.created) .. ','
    .. int(job.entered - job.created) .. ',' .. int(job.ttl) .. '],'
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

-- Adds an event to the log. Its id is its number in the log and the log's own: numbers without a hole let a reader see
-- what was trimmed before he came, and the log's own number that this is another log. `rest` is the JSON after the id.
local function announce(kind, id, rest)
  local number = redis.call('HINCRBY', KEYS[1], 'events', 1)
  local event = { 'MAXLEN', '~', ARGV[4], int(number) .. '-' .. map[2], 'event',
    '{"type":"' .. kind .. '","id":"' .. id .. '","at":' .. int(now) .. rest .. '}' }
  local added = redis.pcall('XADD', KEYS[6], unpack(event))
  -- Somebody else has written to the log. It is begun anew, which its readers find out, because the job is written.
  if type(added) == 'table' and added.err then
    redis.call('DEL', KEYS[6])
    redis.call('XADD', KEYS[6], unpack(event))
  end
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

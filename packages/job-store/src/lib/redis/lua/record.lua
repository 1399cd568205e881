-- Knows the text of a record. Put after batch.lua and control.lua.
--
-- Replies: none of its own
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
--
-- Redis' Lua hashes every byte of every string that it makes, and patterns look at text byte by byte: so texts are cut
-- at places that are found by plain searches, and as few long strings are made as can be.

local find, sub, match = string.find, string.sub, string.match

-- The record's parts; nil: it is no record. `parts` are the lines between control and data, `first` to `last` is where
-- data stands, `history` is its entries.
local function parse(text)
  local version, status, attempt, created, entered, ttl, _, parts = control(text)
  local data = version and find(text, '\n"data":', parts, true)
  local ops = data and find(text, '\n"ops":"', data + 1, true)
  local history = ops and find(text, '",\n"history":[', ops + 8, true)
  if not history then return nil end
  return {
    version = version, status = status, attempt = attempt, created = created, entered = entered, ttl = ttl,
    parts = sub(text, parts, data), first = data + 1, last = ops - 1,
    ops = sub(text, ops + 8, history - 1), history = sub(text, history + 14, -3),
  }
end

-- `at` and the times are as in the text, `parts` begins and ends with a line break.
local function compose(version, status, attempt, times, parts, data, ops, history)
  return '{"version":' .. version .. ',"status":' .. status .. ',"attempt":' .. attempt .. ',"times":[' .. times .. '],'
    .. parts .. data .. '\n"ops":"' .. ops .. '",\n"history":[' .. history .. ']}'
end

local NO_PARTS = '\n\n\n\n'

-- Puts others in the place of some of the lines between control and data; '=' keeps what is there.
local function replaceParts(parts, progress, result, failure)
  local first = find(parts, '\n', 2, true)
  local second = find(parts, '\n', first + 1, true)
  local third = find(parts, '\n', second + 1, true)
  if progress == '=' then progress = sub(parts, 2, first - 1) end
  if result == '=' then result = sub(parts, first + 1, second - 1) end
  if failure == '=' then failure = sub(parts, second + 1, third - 1) end
  return '\n' .. progress .. '\n' .. result .. '\n' .. failure .. sub(parts, third)
end

-- The version that an operation left behind when it was carried out before; a retry is answered by it.
local function answered(ops, operation)
  return match(ops, operation .. ' %-?%d+ (%d+)')
end

-- An operation can be repeated until its deadline and no longer, so that is how long it is remembered, and a second
-- more: a caller that reconnected may count its deadline a little differently. Deadlines count from createdAt.
local function remember(ops, operation, created, version)
  -- From the oldest on, as far as they are over: a busy job has hundreds.
  local over = now - created - 1000
  local kept, oldest, after = 1, match(ops, '^%w+ (%-?%d+) %d+ ?()')
  while oldest and tonumber(oldest) < over do
    kept = after
    oldest, after = match(ops, '^%w+ (%-?%d+) %d+ ?()', kept)
  end
  if kept > 1 then ops = sub(ops, kept) end
  return (ops == '' and '' or ops .. ' ') .. operation .. ' ' .. int(deadline - created) .. ' ' .. version
end

-- An entry is this long at least, with its line break.
local SHORTEST = 14

-- Adds an entry, and drops the oldest past the limit.
local function addEntry(history, entry, limit)
  if history == '' or limit == 0 then return limit == 0 and '' or entry end
  if #history >= limit * SHORTEST then
    local _, count = string.gsub(history, '\n', '')
    local kept = 1
    for _ = limit, count do kept = find(history, '\n', kept + 1, true) end
    if not kept then return entry end
    history = sub(history, kept)
  end
  return history .. ',' .. entry
end

-- `list` holds JSON strings, one a line, each between line breaks.
local function contains(list, status)
  return find(list, '\n' .. status .. '\n', 1, true) ~= nil
end

-- `expected` is a version and a createdAt, either or both; an empty one accepts any.
local function conflicts(record, expected)
  if expected == '' or expected == record.version .. ' ' .. record.created then return false end
  local version, created = match(expected, '^(%d*) (%d*)$')
  return (version ~= '' and version ~= record.version) or (created ~= '' and created ~= record.created)
end

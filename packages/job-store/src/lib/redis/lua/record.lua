-- Knows the text of a record. Put after log.lua.
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

-- The record's parts; what is between control and operations stays in one piece. nil: it is no record.
local function parse(text)
  local control = find(text, '\n', 1, true)
  local progress = control and find(text, '\n', control + 1, true)
  local result = progress and find(text, '\n', progress + 1, true)
  local failure = result and find(text, '\n', result + 1, true)
  local data = failure and find(text, '\n', failure + 1, true)
  local ops = data and find(text, '\n', data + 1, true)
  if not ops or sub(text, ops + 1, ops + 11) ~= '"history":[' then return nil end
  local version, status, attempt, created, entered, ttl, updated = match(sub(text, 1, control - 1),
    '^{"version":(%d+),"status":(".-"),"attempt":(%d+),"times":%[(%d+),(%-?%d+),(%d+),?(%-?%d*)%],$')
  if not version then return nil end
  return {
    version = version, status = status, attempt = attempt, created = created, entered = entered, ttl = ttl,
    updated = updated, parts = sub(text, control, data - 1), ops = sub(text, data + 8, ops - 3),
    history = sub(text, ops + 1),
  }
end

-- `at` and the times are as in the text, `parts` begins with a line break.
local function compose(version, status, attempt, times, parts, ops, history)
  return '{"version":' .. version .. ',"status":' .. status .. ',"attempt":' .. attempt .. ',"times":[' .. times .. '],'
    .. parts .. '\n"ops":"' .. ops .. '",\n' .. history
end

-- Puts others in the place of some of the lines between control and operations; '=' keeps what is there.
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
-- more: a caller that reconnected may count its deadline a little differently. `deadline` counts from createdAt.
local function remember(ops, operation, deadline, created, version)
  -- From the oldest on, as far as they are over: a busy job has hundreds.
  local over = now - created - 1000
  local kept, oldest, after = 1, match(ops, '^%w+ (%-?%d+) %d+ ?()')
  while oldest and tonumber(oldest) < over do
    kept = after
    oldest, after = match(ops, '^%w+ (%-?%d+) %d+ ?()', kept)
  end
  if kept > 1 then ops = sub(ops, kept) end
  return (ops == '' and '' or ops .. ' ') .. operation .. ' ' .. deadline .. ' ' .. version
end

-- An entry is this long at least, with its line break.
local SHORTEST = 14

-- Adds an entry, and drops the oldest past the limit.
local function addEntry(history, entry, limit)
  if #history < limit * SHORTEST then
    return sub(history, 1, -3) .. (sub(history, -3, -3) == '[' and '' or ',') .. entry .. ']}'
  end
  local entries = sub(history, 1, -3)
  local _, count = string.gsub(entries, '\n', '')
  local first = find(entries, '\n', 1, true)
  local kept = first
  for _ = 1, math.min(count, count - limit + 1) do kept = find(entries, '\n', kept + 1, true) end
  if kept ~= first then entries = sub(entries, 1, first - 1) .. (kept and sub(entries, kept) or '') end
  if limit > 0 then
    if sub(entries, -1) ~= '[' then entries = entries .. ',' end
    entries = entries .. entry
  elseif sub(entries, -1) == ',' then
    entries = sub(entries, 1, -2)
  end
  return entries .. ']}'
end

-- `list` holds JSON strings, one a line, each between line breaks.
local function contains(list, status)
  return find(list, '\n' .. status .. '\n', 1, true) ~= nil
end

-- `expected` is a version and a createdAt, either or both; an empty one accepts any.
local function conflicts(record, expected)
  if expected == '' then return false end
  local version, created = match(expected, '^(%d*) (%d*)$')
  return (version ~= '' and version ~= record.version) or (created ~= '' and created ~= record.created)
end

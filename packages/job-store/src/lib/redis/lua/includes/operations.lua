-- Recognizes repeated calls by their operation ids, so that no call is applied twice. Comes after metadata.lua.
--
-- Replies: none of its own
--
-- Tombstones are operations that deleted a job, and recent operations of deleted jobs: a repeated call must not change a later job with
-- the same id. They are in two sets. Each set is used in every other period, and expires at the end of the next one.
--
-- The id of an operation is in the history entry that it wrote. Operations without an entry are in the record's "ops": a list of
-- `<operation> <time> <version>`, in which the time 0 is createdAt. A call can be repeated for as long as the longest timeout of the
-- stores with this metadata.

-- Creates the functions below. Most runs do not need them.
local function operations()
  local period = redis.call('HGET', KEYS[1], 'callMs') + 1000
  -- As text, like the times that are compared with it. All of them have 13 digits.
  local oldest = tostring(now - period)

  local function add(ops, operation, version)
    return (ops == '' and '' or ops .. ' ') .. operation .. ' ' .. now .. ' ' .. version
  end

  -- Returns `ops` without the operations that cannot be repeated any more.
  local function recent(ops, created)
    local kept = {}
    for operation, time, version in string.gmatch(ops, '(%w+) (%d+) (%d+)') do
      if time == '0' then time = created end
      if time >= oldest then kept[#kept + 1] = operation .. ' ' .. time .. ' ' .. version end
    end
    return table.concat(kept, ' ')
  end

  -- Returns the recent operations of history entries and of `ops`.
  local function recentOf(entries, ops, created)
    local found = {}
    for line in string.gmatch(entries, '[^\n]+') do
      local version, time, operation = match(line, '^%[(%d+),.*,(%d+),"(%w+)"')
      if operation then found[#found + 1] = operation .. ' ' .. time .. ' ' .. version end
    end
    return recent(table.concat(found, ' ') .. ' ' .. ops, created)
  end

  -- Adds the ids of the recent operations of history entries, newest first, and of `ops` to `ids`.
  local function collect(ids, entries, ops, created)
    for time, operation in string.gmatch(entries, ',(%d+),"(%w+)"') do
      if (time == '0' and created or time) < oldest then break end
      ids[#ids + 1] = operation
    end
    for operation, time in string.gmatch(ops, '(%w+) (%d+) %d+') do
      if (time == '0' and created or time) >= oldest then ids[#ids + 1] = operation end
    end
  end

  -- Returns the version that an operation produced, or nil if `entries` and `ops` do not contain the operation.
  local function versionOf(operation, entries, ops)
    local version = match(ops, operation .. ' %d+ (%d+)')
    if version then return version end
    for line in string.gmatch(entries, '[^\n]+') do
      if find(line, ',"' .. operation .. '"', 1, true) then return match(line, '^%[(%d+),') end
    end
  end

  local function addTombstones(ids)
    local n = math.floor(now / period)
    local key = n % 2 == 0 and evenKey or oddKey
    -- Lua cannot pass more than a few thousand values at once.
    for first = 1, #ids, 1000 do
      redis.call('SADD', key, unpack(ids, first, math.min(first + 999, #ids)))
    end
    redis.call('PEXPIREAT', key, (n + 2) * period)
  end

  local function hasTombstone(operation)
    return redis.call('SISMEMBER', evenKey, operation) == 1 or redis.call('SISMEMBER', oddKey, operation) == 1
  end

  return { add = add, recent = recent, recentOf = recentOf, collect = collect, versionOf = versionOf, addTombstones = addTombstones, hasTombstone = hasTombstone }
end

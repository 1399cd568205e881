-- Put before every script that gives jobs their places in the indexes, or takes them away. Comes after touch.lua.
--
-- KEYS: 1 map, 2 statuses (index), 3 creations (index), 4 values (hash: id -> its fields, one a line: language="es"),
--       5 fields (index)
-- Replies: none of its own
--
-- The index of fields is a sorted set whose members have no score, but an order by their bytes. Two for each field:
--   language="es":<code><statusAt><id>   in its status, code of status and ttl
--   language="es"*<createdAt><id>        whatever its status
-- Numbers have a fixed width. A value is JSON text, so that none can look like the beginning of another. Neither index nor
-- hash is there until a definition declares a field.

local KEYS, ARGV = KEYS, ARGV
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local map = redis.call('HMGET', KEYS[1], 'edition', 'log', 'fields', 'largest')
-- No record or message of the store has more bytes.
local largestStored = tonumber(map[4] or SMALL)

-- tostring keeps 14 digits, too few for an index score.
local function int(number) return string.format('%.0f', number) end
local today = int(now)

local function inStatus(field, score, id)
  return field .. ':' .. string.format('%04.0f%013.0f', math.floor(score / 4398046511104), score % 4398046511104) .. id
end

local function byCreation(field, created, id)
  return field .. '*' .. string.format('%013.0f', created) .. id
end

-- What a job can be found by. Nobody asks for it as long as no definition has declared a field.
local function fieldsOf(id)
  return map[3] and redis.call('HGET', KEYS[4], id) or ''
end

-- The members of the index of fields for a job that stands there in the other two.
local function members(fields, score, created, id)
  local all = {}
  for field in string.gmatch(fields, '[^\n]+') do
    if score then all[inStatus(field, score, id)] = true end
    if created then all[byCreation(field, created, id)] = true end
  end
  return all
end

-- Those of now, as long as the other two indexes still say where it stands.
local function presentMembers(fields, id)
  if fields == '' then return {} end
  return members(fields, redis.call('ZSCORE', KEYS[2], id), redis.call('ZSCORE', KEYS[3], id), id)
end

-- Gives a job its places in the index of fields, before it gets those of the other two. `fields` nil: those that it has.
local function placeFields(id, score, created, fields)
  local before = fieldsOf(id)
  fields = fields or before
  local old, new = presentMembers(before, id), members(fields, score, created, id)
  for member in pairs(old) do
    if not new[member] then redis.call('ZREM', KEYS[5], member) end
  end
  for member in pairs(new) do
    if not old[member] then redis.call('ZADD', KEYS[5], 0, member) end
  end
  if fields == '' and before ~= '' then
    redis.call('HDEL', KEYS[4], id)
  elseif fields ~= before then
    redis.call('HSET', KEYS[4], id, fields)
  end
end

-- Gives a job its places in all indexes.
local function place(id, score, created, fields)
  placeFields(id, score, created, fields)
  redis.call('ZADD', KEYS[2], int(score), id)
  redis.call('ZADD', KEYS[3], int(created), id)
end

-- Takes jobs out of all indexes.
local function displace(ids)
  for _, id in ipairs(map[3] and ids or {}) do
    local fields = fieldsOf(id)
    for member in pairs(presentMembers(fields, id)) do redis.call('ZREM', KEYS[5], member) end
    if fields ~= '' then redis.call('HDEL', KEYS[4], id) end
  end
  redis.call('ZREM', KEYS[2], unpack(ids))
  redis.call('ZREM', KEYS[3], unpack(ids))
end

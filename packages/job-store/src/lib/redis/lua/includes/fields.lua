-- Updates the index by field. Comes after metadata.lua.
--
-- KEYS: 2 index by status, 3 index by creation
-- Replies: none of its own
--
-- The hash of field values has the fields of each job, one per line: language="es". The index by field is a sorted set whose members
-- all have the score 0, so they are ordered by their bytes. A job has two members for each of its fields:
--   language="es":<code><statusAt><id>   code of the job's status and TTL
--   language="es"*<createdAt><id>
-- Numbers have a fixed width: 4 digits for a code, 13 for a time. A value is JSON text, so no value can look like the
-- beginning of another one. The index and the hash do not exist until a definition declares a field.

-- `score`: score of the job in the index by status.
local function statusMember(field, score, id)
  return field .. ':' .. sub('00000000000000000' .. score, -17) .. id
end

local function creationMember(field, created, id)
  return field .. '*' .. sub('0000000000000' .. created, -13) .. id
end

local function fieldsOf(id)
  return redis.call('HGET', valuesKey, id) or ''
end

-- Returns the members of a job that has these scores in the other two indexes.
local function membersOf(fields, score, created, id)
  local members = {}
  for field in string.gmatch(fields, '[^\n]+') do
    if score then members[statusMember(field, score, id)] = true end
    if created then members[creationMember(field, created, id)] = true end
  end
  return members
end

-- Returns the present members of a job. They depend on the other two indexes, so those must not have changed yet.
local function storedMembers(fields, id)
  if fields == '' then return {} end
  return membersOf(fields, redis.call('ZSCORE', KEYS[2], id), redis.call('ZSCORE', KEYS[3], id), id)
end

-- Updates the index by field. Must run before the other two indexes change. `fields` nil: the job keeps its fields.
local function indexFields(id, score, created, fields)
  local before = fieldsOf(id)
  fields = fields or before
  local old, new = storedMembers(before, id), membersOf(fields, score, created, id)
  for member in pairs(old) do
    if not new[member] then redis.call('ZREM', fieldsKey, member) end
  end
  for member in pairs(new) do
    if not old[member] then redis.call('ZADD', fieldsKey, 0, member) end
  end
  if fields == '' and before ~= '' then
    redis.call('HDEL', valuesKey, id)
  elseif fields ~= before then
    redis.call('HSET', valuesKey, id, fields)
  end
end

-- Removes a job from the index by field.
local function unindexFields(id)
  local fields = fieldsOf(id)
  if fields == '' then return end
  for member in pairs(storedMembers(fields, id)) do redis.call('ZREM', fieldsKey, member) end
  redis.call('HDEL', valuesKey, id)
end

-- Adds jobs to all indexes, and removes them. Comes after fields.lua.
-- Replies: none of its own

local FIELDS = redis.call('HGET', KEYS[1], 'fields')

-- Lua's tostring keeps 14 digits, too few for a score.
local function int(number) return string.format('%.0f', number) end

local function index(id, score, created, fields)
  indexFields(id, int(score), int(created), fields)
  redis.call('ZADD', KEYS[2], int(score), id)
  redis.call('ZADD', KEYS[3], int(created), id)
end

local function unindex(ids)
  for _, id in ipairs(FIELDS and ids or {}) do unindexFields(id) end
  redis.call('ZREM', KEYS[2], unpack(ids))
  redis.call('ZREM', KEYS[3], unpack(ids))
end

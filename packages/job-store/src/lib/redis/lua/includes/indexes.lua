-- Removes jobs from all indexes. Comes after fields.lua and numbers.lua.
-- Replies: none of its own

local FIELDS = redis.call('HGET', KEYS[1], 'fields')

local function unindex(ids)
  for _, id in ipairs(FIELDS and ids or {}) do unindexFields(id) end
  redis.call('ZREM', KEYS[2], unpack(ids))
  redis.call('ZREM', KEYS[3], unpack(ids))
end

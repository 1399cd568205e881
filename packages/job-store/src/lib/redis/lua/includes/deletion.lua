-- Deletes jobs with their entries in all indexes, and adds their recent operations to the tombstones. Comes after operations.lua and
-- record.lua.
-- Replies: none of its own

local deletedKeys, deletedIds, tombstones, known = {}, {}, {}, operations()

-- Returns a record up to the end of its history at least, '' if the value is no record, or nil if the key does not exist.
local function beginningOf(key)
  local text = readUntil(key, '\n],', 500)
  if text == '' and redis.call('EXISTS', key) == 0 then return nil end
  return text or ''
end

-- Adds a job to those that finishDeletion deletes. `text`: as returned by beginningOf.
local function deleteJob(key, text)
  local id = sub(key, ID_AT)
  deletedKeys[#deletedKeys + 1], deletedIds[#deletedIds + 1] = key, id
  if FIELDS then unindexFields(id) end
  -- The indexes can contain a job that does not exist any more.
  if not text then return end
  local times = find(text, ',"times":[', 1, true)
  local created, ops, history = readTimes(text, times and times + 10 or 1)
  local close = created and find(text, '\n],', history, true)
  if close then known.collect(tombstones, sub(text, history, close), ops, created) end
  addEvent('"type":"deleted","at":' .. now, id)
end

local function finishDeletion()
  if #deletedKeys == 0 then return end
  redis.call('DEL', unpack(deletedKeys))
  redis.call('ZREM', KEYS[2], unpack(deletedIds))
  redis.call('ZREM', KEYS[3], unpack(deletedIds))
  known.addTombstones(tombstones)
end

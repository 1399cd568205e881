-- Deletes jobs with their entries in all indexes and their work states, and adds their recent operations to the tombstones. Comes after
-- operations.lua, record.lua, read-until.lua and delete-work.lua.
-- Replies: none of its own

-- Time in which the clock may go back without an effect on the creation times of jobs that are created again, in milliseconds.
local MAX_JUMP = 86400000

local deletedKeys, deletedIds, tombstones, known = {}, {}, {}, operations()
-- Newest creation time of the deleted jobs.
local newest = metadata[6] or ''

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
  -- The time of a job that was saved can be far in the future.
  if created and created > newest and math.abs(created - now) < MAX_JUMP then newest = created end
  if close then known.collect(tombstones, sub(text, history, close), ops, created) end
  addEvent('"type":"deleted","at":' .. now, id)
end

local function finishDeletion()
  if #deletedKeys == 0 then return end
  redis.call('DEL', unpack(deletedKeys))
  redis.call('ZREM', KEYS[2], unpack(deletedIds))
  redis.call('ZREM', KEYS[3], unpack(deletedIds))
  if metadata[5] then deleteWork(deletedIds) end
  if newest > (metadata[6] or '') then redis.call('HSET', KEYS[1], 'deleted', newest) end
  known.addTombstones(tombstones)
end

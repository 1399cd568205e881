-- Deletes jobs and their entries in all indexes.
-- CALL: 1 operation, 2 expected version and createdAt, or ''
-- Replies: for each call
--          'deleted', ''; 'conflict', version; 'missing', ''; 'unreadable', ''

local keys, ids, buried, known = {}, {}, {}, operations()

-- Adds the operations of a record that may still be repeated to `buried`. `text`: its beginning.
local function buryOperations(key, text)
  local times = find(text, ',"times":[', 1, true)
  local created, ops, history = readTimes(text, times and times + 10 or 1)
  if not created then return end
  local close = find(text, '\n],', history, true)
  if not close then
    text = redis.call('GET', key)
    close = find(text, '\n],', history, true) or history
  end
  known.collect(buried, sub(text, history, close), ops, created)
end

local function delete(key, operation, expected)
  if repeated and known.isBuried(operation) then return 'deleted', '' end
  local text = redis.pcall('GETRANGE', key, '0', '499')
  if text == '' and redis.call('EXISTS', key) == 0 then return 'missing', '' end
  -- By id, anything is deleted: a record, or a value that is none.
  if type(text) == 'table' then
    if not find(text.err, 'WRONGTYPE', 1, true) then return redis.call('GETRANGE', key, 0, 0) end
    text = ''
  end
  if #text == 500 and not find(text, '"history":[', 1, true) then text = redis.call('GET', key) end
  if expected ~= '' then
    local version, created = match(text, '^{"version":(%d+),"status":".-","attempt":%d+,"ttl":%d+,"times":%[(%d+),')
    if not version then return 'unreadable', '' end
    if conflicts(expected, version, created) then return 'conflict', version end
  end
  buryOperations(key, text)
  buried[#buried + 1] = operation
  local id = sub(key, ID_AT)
  if FIELDS then unindexFields(id) end
  keys[#keys + 1] = key
  ids[#ids + 1] = id
  addEvent('"type":"deleted","at":' .. now, id)
  return 'deleted', ''
end

for i = 1, calls do
  reply[2 * i], reply[2 * i + 1] = delete(KEYS[4 + i], ARGV[2 * i + 1], ARGV[2 * i + 2])
end
if #keys > 0 then
  redis.call('DEL', unpack(keys))
  redis.call('ZREM', KEYS[2], unpack(ids))
  redis.call('ZREM', KEYS[3], unpack(ids))
  known.bury(buried)
end

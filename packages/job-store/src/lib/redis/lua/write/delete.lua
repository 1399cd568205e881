-- Deletes jobs by their ids. Comes after deletion.lua.
-- CALL: 1 operation, 2 what the job must have (see expectations.lua)
-- Replies: for each call
--          'deleted', ''; 'conflict', version; 'missing', ''; 'unreadable', first bytes of the value

local function delete(key, operation, expected)
  if repeated and known.hasTombstone(operation) then return 'deleted', '' end
  -- Without an expected version, a value that is not a record is deleted, too.
  local text = beginningOf(key)
  if not text then return 'missing', '' end
  if expected ~= '' then
    local version, status, created = match(text, '^{"version":(%d+),"status":(".-"),"attempt":%d+,"ttl":%d+,"times":%[(%d+),')
    if not version then return 'unreadable', sub(text, 1, 8) end
    if conflicts(expected, version, created, status) then return 'conflict', version end
  end
  deleteJob(key, text)
  tombstones[#tombstones + 1] = operation
  return 'deleted', ''
end

for i = 1, calls do
  push(reply, delete(KEYS[4 + i], ARGV[2 * i + 1], ARGV[2 * i + 2]))
end
finishDeletion()

-- Reads a job.
-- Replies: none of its own

-- Returns the record or false, and '1' if the value of the key is not a string, else ''. Returns the error of another failure in place of
-- the record.
local function getRecord(key)
  local record = redis.pcall('GET', key)
  if type(record) ~= 'table' then return record, '' end
  if string.find(record.err, 'WRONGTYPE', 1, true) then return false, '1' end
  return record, ''
end

-- Limits the bytes of records and messages that a script reads. Comes after script-bytes.lua.
-- Replies: none of its own

local bytesRead = 0

local function sizeOf(key)
  local size = redis.pcall('STRLEN', key)
  if type(size) == 'number' then return size end
  -- A value that is not a string is not read. Any other error ends the script.
  return string.find(size.err, 'WRONGTYPE', 1, true) and 0 or redis.call('STRLEN', key)
end

-- Returns the position of the last key that the script may read, if it reads all keys from `first` on. It may always read the first.
-- `largest`: upper bound for the size of a record.
local function lastReadable(first, largest)
  if (#KEYS - first + 1) * largest <= MAX_SCRIPT_BYTES then return #KEYS end
  local sum = 0
  for position = first, #KEYS do
    sum = sum + sizeOf(KEYS[position])
    if sum > MAX_SCRIPT_BYTES and position > first then return position - 1 end
  end
  return #KEYS
end

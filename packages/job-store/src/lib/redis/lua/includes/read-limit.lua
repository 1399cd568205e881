-- Counts the bytes of records and messages that a script touches. Comes after limits.lua.
-- Replies: none of its own

local touched = 0

local function sizeOf(key)
  local size = redis.pcall('STRLEN', key)
  if type(size) == 'number' then return size end
  -- What is no string is not read. Any other error ends the script.
  return string.find(size.err, 'WRONGTYPE', 1, true) and 0 or redis.call('STRLEN', key)
end

-- The place of the last of the keys from `first` on that a script which reads them all may read: the first one always.
-- `largest`: as in the map.
local function reach(first, largest)
  if (#KEYS - first + 1) * largest <= MAX_SCRIPT_BYTES then return #KEYS end
  local sum = 0
  for place = first, #KEYS do
    sum = sum + sizeOf(KEYS[place])
    if sum > MAX_SCRIPT_BYTES and place > first then return place - 1 end
  end
  return #KEYS
end

-- Whether the script may read this record, too. Asks for its size only if not every record would fit.
local function mayTouch(key, largest)
  return touched == 0 or touched + largest <= MAX_SCRIPT_BYTES or touched + sizeOf(key) <= MAX_SCRIPT_BYTES
end

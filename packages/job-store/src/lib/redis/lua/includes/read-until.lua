-- Reads a part of a record. Comes after metadata.lua.
-- Replies: none of its own

-- Returns a record from its beginning to `mark` at least, and whether the text is all of it. Returns nil if the value is not a
-- string, and '' if the key does not exist.
local function readUntil(key, mark, bytes)
  while true do
    local text = redis.pcall('GETRANGE', key, 0, bytes - 1)
    if type(text) == 'table' then
      if find(text.err, 'WRONGTYPE', 1, true) then return nil end
      -- Any other error ends the script.
      text = redis.call('GETRANGE', key, 0, bytes - 1)
    end
    if #text < bytes then return text, true end
    if find(text, mark, 1, true) then return text, false end
    bytes = bytes * 16
  end
end

-- Adds values to lists.
-- Replies: none of its own

-- Adds two values to a list. `list[n + 1], list[n + 2] = a, b` would be much slower: Lua sets the last one first.
local function push(list, a, b)
  local n = #list
  list[n + 1] = a
  list[n + 2] = b
end

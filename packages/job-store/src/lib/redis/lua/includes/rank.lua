-- Finds places in a sorted set. Comes after numbers.lua.
-- Replies: none of its own

local function below(key, bound) return redis.call('ZCOUNT', key, '-inf', bound) end

-- Compares by bytes. The order of Lua's own comparison depends on the locale of the server.
local function precedes(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Returns the number of members before (score, id), and whether that member exists. Members with one score are in byte order. This is
-- a binary search, because thousands of members may have one score.
local function rank(key, score, id)
  local low, high = below(key, '(' .. int(score)), below(key, int(score))
  while low < high do
    local middle = math.floor((low + high) / 2)
    local member = redis.call('ZRANGE', key, middle, middle)[1]
    if member == id then return middle, true end
    if precedes(member, id) then low = middle + 1 else high = middle end
  end
  return low, false
end

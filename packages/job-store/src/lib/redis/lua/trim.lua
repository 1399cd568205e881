-- Takes expired jobs out of all indexes, a bounded number of them. Their keys expire by themselves. Comes after indexes.lua.
-- ARGV: 1 edition of the map the caller knows, 2 how many at most; then code and ttl (ms) of each that expires
-- Replies: how many were taken out

if metadata[1] ~= ARGV[1] then return 0 end
local left = tonumber(ARGV[2])
for i = 3, #ARGV, 2 do
  local base = tonumber(ARGV[i]) * 10000000000000
  local lapsed = math.max(0, now - tonumber(ARGV[i + 1]))
  local due = redis.call('ZRANGEBYSCORE', KEYS[2], int(base),
    '(' .. int(base + lapsed), 'LIMIT', 0, left)
  if #due > 0 then unindex(due) end
  left = left - #due
  if left == 0 then break end
end
return tonumber(ARGV[2]) - left

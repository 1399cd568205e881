-- Removes expired jobs from all indexes, those that expired first. Their keys expire by themselves. Comes after indexes.lua
-- and delete-work.lua.
-- ARGV: 1 revision of the metadata that the caller knows, 2 maximum number of jobs; then the code and the TTL (ms) of each code with expiry
-- Replies: { 'stale' } or { 'trimmed', number of removed jobs }

if metadata[1] ~= ARGV[1] then return { 'stale' } end
local left = tonumber(ARGV[2])
for i = 3, #ARGV, 2 do
  local base = tonumber(ARGV[i]) * SPAN
  local latest = math.max(0, now - tonumber(ARGV[i + 1]))
  local due = redis.call('ZRANGEBYSCORE', KEYS[2], int(base), '(' .. int(base + latest), 'LIMIT', 0, left)
  if #due > 0 then
    unindex(due)
    if metadata[5] then deleteWork(due) end
  end
  left = left - #due
  if left == 0 then break end
end
return { 'trimmed', ARGV[2] - left }

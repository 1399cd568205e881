-- Counts the live jobs of each code of the index. Reads only.
-- KEYS: 1 metadata (hash), 2 index by status
-- ARGV: 1 revision of the metadata that the caller knows; then the lowest score, the highest score and the TTL (ms) of each code
-- Replies: { 'stale' } or { 'counts', n … }

if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[1] then return { 'stale' } end
local clock
local counts = { 'counts' }
for i = 2, #ARGV, 3 do
  local lowest, ttl = ARGV[i], ARGV[i + 2]
  if ttl ~= '0' then
    clock = clock or redis.call('TIME')
    lowest = lowest + math.max(0, clock[1] * 1000 + math.floor(clock[2] / 1000) - ttl)
  end
  counts[#counts + 1] = redis.call('ZCOUNT', KEYS[2], lowest, ARGV[i + 1])
end
return counts

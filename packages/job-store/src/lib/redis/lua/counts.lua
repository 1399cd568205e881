-- How many live jobs there are of each code. Reads only.
-- KEYS: 1 map, 2 statuses (index)
-- ARGV: 1 edition of the map the caller knows; then code and ttl (ms) of each
-- Replies: { 'stale' } or { 'counts', n … }

if redis.call('HGET', KEYS[1], 'edition') ~= ARGV[1] then return { 'stale' } end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local counts = { 'counts' }
for i = 2, #ARGV, 2 do
  local base, ttl = tonumber(ARGV[i]) * 4398046511104, tonumber(ARGV[i + 1])
  local lowest = ttl > 0 and math.max(0, now - ttl) or 0
  counts[#counts + 1] = redis.call('ZCOUNT', KEYS[2], string.format('%.0f', base + lowest),
    string.format('%.0f', base + 4398046511103))
end
return counts

-- Counts the live jobs of each code that have one value in an index field. Reads only. Comes after indexes.lua.
-- ARGV: 1 revision of the metadata that the caller knows, 2 field and value; then each code and its TTL (ms)
-- Replies: { 'stale' } or { 'counts', n … }

if metadata[1] ~= ARGV[1] then return { 'stale' } end
local counts = { 'counts' }
for i = 3, #ARGV, 2 do
  local first, ttl = ARGV[i] * SPAN, tonumber(ARGV[i + 1])
  local lowest = ttl > 0 and math.max(0, now - ttl) or 0
  local from, to = statusMember(ARGV[2], int(first + lowest), ''), statusMember(ARGV[2], int(first + SPAN), '')
  counts[#counts + 1] = redis.call('ZLEXCOUNT', fieldsKey, '[' .. from, '(' .. to)
end
return counts

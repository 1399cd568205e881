-- Reads the ids of a page, in order, from one index. Reads only. Comes after rank.lua.
-- KEYS: 1 metadata (hash), 2 index
-- ARGV: 1 revision of the metadata that the caller knows, 2 '1' for newest first, 3 maximum number of ids, 4 time after which the page
--       starts or '', 5 id after which it starts, 6 lowest time, 7 highest time; then code and TTL (ms) of each range
-- Replies: { 'stale' } or { 'page', { id, score, id, score … } for each range }

if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[1] then return { 'stale' } end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local newest, count = ARGV[2] == '1', tonumber(ARGV[3])

local page = { 'page' }
for i = 8, #ARGV, 2 do
  local base, ttl = tonumber(ARGV[i]) * SPAN, tonumber(ARGV[i + 1])
  local lowest = tonumber(ARGV[6])
  if ttl > 0 then lowest = math.max(lowest, now - ttl) end
  local first = below(KEYS[2], '(' .. int(base + lowest))
  local last = below(KEYS[2], int(base + tonumber(ARGV[7]))) - 1
  if ARGV[4] ~= '' then
    local place, present = rank(KEYS[2], base + tonumber(ARGV[4]), ARGV[5])
    if newest then
      last = math.min(last, place - 1)
    else
      first = math.max(first, present and place + 1 or place)
    end
  end
  local members = {}
  if first <= last then
    if newest then
      first = math.max(first, last - count + 1)
    else
      last = math.min(last, first + count - 1)
    end
    members = redis.call('ZRANGE', KEYS[2], first, last, 'WITHSCORES')
  end
  page[#page + 1] = members
end
return page

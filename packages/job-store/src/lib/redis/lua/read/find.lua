-- Reads the ids of a page, in order, from the index by field. Reads only. Comes after indexes.lua.
-- ARGV: 1 revision of the metadata that the caller knows, 2 '1' for newest first, 3 maximum number of ids, 4 time after which the page
--       starts or '', 5 id after which it starts, 6 lowest time, 7 highest time, 8 field and value; then code and TTL (ms) of each
--       range, with the code '' for all jobs by creation
-- Replies: { 'stale' } or { 'page', { id, time, id, time … } for each range }

if metadata[1] ~= ARGV[1] then return { 'stale' } end
local newest, start = ARGV[2] == '1', tonumber(ARGV[4])

local page = { 'page' }
for i = 9, #ARGV, 2 do
  local code, ttl = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local function at(time, id)
    return code and statusMember(ARGV[8], int(code * SPAN + time), id) or creationMember(ARGV[8], int(time), id)
  end
  local lowest, highest = tonumber(ARGV[6]), tonumber(ARGV[7])
  if ttl > 0 then lowest = math.max(lowest, now - ttl) end
  local first, last = '[' .. at(lowest, ''), '(' .. at(highest + 1, '')
  if start and newest and start <= highest then last = '(' .. at(start, ARGV[5]) end
  if start and not newest and start >= lowest then first = '(' .. at(start, ARGV[5]) end
  local members
  if newest then
    members = redis.call('ZRANGE', fieldsKey, last, first, 'BYLEX', 'REV', 'LIMIT', 0, ARGV[3])
  else
    members = redis.call('ZRANGE', fieldsKey, first, last, 'BYLEX', 'LIMIT', 0, ARGV[3])
  end
  local idAt = #at(0, '') + 1
  local places = {}
  for _, member in ipairs(members) do
    places[#places + 1] = string.sub(member, idAt)
    places[#places + 1] = string.sub(member, idAt - 13, idAt - 1)
  end
  page[#page + 1] = places
end
return page

-- Hands out entries: those whose claim has lapsed first, then those never handed out. A claim that is repeated gets what it
-- was given the first time, as far as that is still there. Comes after touch.lua and outbox.lua.
-- KEYS: 6 the reader's last claim and what it was given, 7 map
-- ARGV: 2 how many, 3 for how long (ms), 4 the claim's own id
-- Replies: { 'claimed', last entry ever handed out, ms until the next claim lapses or '', entry … }

local limit = tonumber(ARGV[2])
local entries, widest = {}, 0

-- A message's size shows only once it is read. So there is room for another one like the largest so far: if they differ,
-- one message may be read beyond what a script may touch.
local function hasRoom()
  return #entries < limit and (#entries == 0 or touched + widest <= MAX_SCRIPT_BYTES)
end

local function take(entry)
  local size = #(entry[2][6] or '')
  touched, widest = touched + size, math.max(widest, size)
  entries[#entries + 1] = entry
end

local function add(id)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then take(entry) else redis.call('ZREM', KEYS[2], id) end
end

-- A fraction of a millisecond each, so that entries that lapse together do so in commit order, too.
local function claimUntil(time, id, place)
  redis.call('ZADD', KEYS[2], string.format('%.10f', time + place / 1024), id)
end

local handedOut, earlier = unpack(redis.call('MGET', KEYS[3], KEYS[6]))
local claim, given = string.match(earlier or '', '^(%S+)(.*)$')
if claim == ARGV[4] then
  local spare = 0
  for id in string.gmatch(given, '%S+') do
    if hasRoom() then
      add(id)
    else
      -- More than is wanted now, or than one script may touch, comes next.
      claimUntil(now - 1, id, spare)
      spare = spare + 1
    end
  end
end

local repeated = #entries > 0
if not repeated then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, limit)) do
    if hasRoom() then add(id) end
  end
end

local last = handedOut or '0-0'
if not repeated and hasRoom() then
  local largest = tonumber(redis.call('HGET', KEYS[7], 'largest') or DEFAULT_LARGEST)
  repeat
    local count = math.min(limit - #entries, math.max(1, math.floor((MAX_SCRIPT_BYTES - touched) / largest)))
    local found = redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', count)
    for _, entry in ipairs(found) do
      take(entry)
      last = entry[1]
    end
  until #found < count or not hasRoom()
  redis.call('SET', KEYS[3], last)
end

if #entries > 0 then
  local ids = { ARGV[4] }
  for i, entry in ipairs(entries) do
    claimUntil(now + tonumber(ARGV[3]), entry[1], i - 1)
    ids[i + 1] = entry[1]
  end
  redis.call('SET', KEYS[6], table.concat(ids, ' '), 'PX', ARGV[3])
end
local soonest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
local reply = { 'claimed', last, soonest and string.format('%.0f', math.max(0, soonest - now)) or '' }
for _, entry in ipairs(entries) do reply[#reply + 1] = entry end
return reply

-- Hands out entries: those whose claim has lapsed first, then those never handed out. A claim that is repeated gets what it
-- was given the first time, as far as that is still there.
-- KEYS: 6 the reader's last claim and what it was given
-- ARGV: 2 how many, 3 for how long (ms), 4 the claim's own id
-- Replies: { 'claimed', last entry ever handed out, ms until the next claim lapses or '', entry … }

local limit = tonumber(ARGV[2])
local entries = {}

local function add(id)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then entries[#entries + 1] = entry else redis.call('ZREM', KEYS[2], id) end
end

-- A fraction of a millisecond each, so that entries that lapse together do so in commit order, too.
local function claimUntil(time, id, place)
  redis.call('ZADD', KEYS[2], string.format('%.10f', time + place / 1024), id)
end

local claim, given = string.match(redis.call('GET', KEYS[6]) or '', '^(%S+)(.*)$')
if claim == ARGV[4] then
  local spare = 0
  for id in string.gmatch(given, '%S+') do
    if #entries < limit then
      add(id)
    else
      -- More than is wanted now comes next.
      claimUntil(now - 1, id, spare)
      spare = spare + 1
    end
  end
end

local repeated = #entries > 0
if not repeated then
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, limit)) do add(id) end
end

local last = redis.call('GET', KEYS[3]) or '0-0'
if not repeated and #entries < limit then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', limit - #entries)) do
    entries[#entries + 1] = entry
    last = entry[1]
  end
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

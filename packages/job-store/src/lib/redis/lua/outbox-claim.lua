-- Hands out entries: those whose claim has lapsed first, then those never handed out.
-- ARGV: 2 how many, 3 for how long (ms)
-- Replies: { 'claimed', last entry ever handed out, ms until the next claim lapses or '', entry … }

local limit = tonumber(ARGV[2])
local entries = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, limit)) do
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then entries[#entries + 1] = entry else redis.call('ZREM', KEYS[2], id) end
end

local last = redis.call('GET', KEYS[3]) or '0-0'
if #entries < limit then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', limit - #entries)) do
    entries[#entries + 1] = entry
    last = entry[1]
  end
  redis.call('SET', KEYS[3], last)
end

-- A fraction of a millisecond each, so that entries claimed together lapse in commit order, too.
for i, entry in ipairs(entries) do
  redis.call('ZADD', KEYS[2], string.format('%.10f', now + tonumber(ARGV[3]) + (i - 1) / 1024), entry[1])
end
local soonest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
local reply = { 'claimed', last, soonest and string.format('%.0f', math.max(0, soonest - now)) or '' }
for _, entry in ipairs(entries) do reply[#reply + 1] = entry end
return reply

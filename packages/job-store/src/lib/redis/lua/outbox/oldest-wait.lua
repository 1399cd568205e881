-- Measures for how long the first entry of the outbox has waited, by the clock of the server that set its time. Reads only.
-- KEYS: 1 entries of the outbox (stream, in commit order)
-- Replies: milliseconds; false if the outbox is empty

local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not first then return false end
local clock = redis.call('TIME')
return clock[1] * 1000 + math.floor(clock[2] / 1000) - tonumber(string.match(first[1], '^%d+'))

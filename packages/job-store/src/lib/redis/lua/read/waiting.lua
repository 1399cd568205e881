-- Reads the messages of a job that wait for a place. Reads only. Comes after places.lua.
-- KEYS: 1 work states (hash), 2 limits (sorted set; see places.lua), 3 their rules (hash)
-- ARGV: 1 id of the job
-- Replies: { 'waiting', { queue (JSON), createdAt of the job, key, newest maximum or false, number of places that are taken, number of messages
--          that arrived earlier } … }

local clock = redis.call('TIME')
local places = newPlaces(clock[1] * 1000 + math.floor(clock[2] / 1000), nil, KEYS[1], nil, KEYS[2], nil, KEYS[3])
local reply, text = { 'waiting' }, redis.call('HGET', KEYS[1], ARGV[1]) or ''
for queue, arrival, key in string.gmatch(text, '\np([^\t\n]*)\t(%d+) 0 %d+ %d+ ([^\n]*)') do
  local start, max = key .. '\tw' .. queue .. '\t', redis.call('HGET', KEYS[3], string.match(key, '^[^=]*') .. '\t' .. queue)
  local ahead = redis.call('ZLEXCOUNT', KEYS[2], '[' .. start, '(' .. start .. arrival)
  reply[#reply + 1] = { queue, string.match(text, '^%d+'), key, max, places.taken(key), ahead }
end
return reply

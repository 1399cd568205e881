-- Reads the live workers, and the queues that workers have consumed. Reads only.
-- KEYS: 1 records of workers, 2 their ends, 3 consumers (see renew-leases.lua)
-- Replies: { 'workers', { record … }, { queue, statuses, queue, statuses … } }

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local records = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now), '+inf')) do
  records[#records + 1] = redis.call('HGET', KEYS[1], id) or nil
end
return { 'workers', records, redis.call('HGETALL', KEYS[3]) }

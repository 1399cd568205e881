-- Reads the live workers, and the queues that workers have consumed. Reads only.
-- KEYS: 1 records of workers, 2 their ends, 3 consumers (see renew-leases.lua)
-- ARGV: 1 '1' to read the ids of running jobs, else ''
-- Replies: { 'workers', { record, ids of running jobs (JSON) or '', … }, { queue, day and statuses, queue, day and statuses … }, now (ms) }

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local records = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now), '+inf')) do
  local record = redis.call('HGET', KEYS[1], id)
  if record then
    local n = #records
    records[n + 1] = record
    records[n + 2] = ARGV[1] == '1' and redis.call('HGET', KEYS[1], id .. ' running') or ''
  end
end
return { 'workers', records, redis.call('HGETALL', KEYS[3]), now }

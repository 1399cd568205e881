-- Removes a job and its places in all indexes. The operation is remembered beside the jobs, and with it those that the
-- record remembered: a retry of any of them must not take a later job of this id for the one it meant.
-- ARGV: 5 id, 6 version or '', 7 createdAt or ''
-- Replies: { 'done' } { 'missing' } { 'conflict', version } { 'unreadable' }

redis.call('ZREMRANGEBYSCORE', KEYS[9], '-inf', int(now - 1000))
-- By id, whatever stands at the key is removed, be it no record or not even a string.
local text = redis.pcall('GET', KEYS[8])
local job = type(text) == 'string' and parse(text) or nil
if ARGV[6] ~= '' or ARGV[7] ~= '' then
  if not text then return { 'missing' } end
  if not job then return { 'unreadable' } end
  if conflicts(job, ARGV[6], ARGV[7]) then return { 'conflict', int(job.version) } end
end
if redis.call('DEL', KEYS[8]) == 0 then return { 'missing' } end
displace({ ARGV[5] })
redis.call('ZADD', KEYS[9], ARGV[2], ARGV[3])
if job then
  for op, deadline in string.gmatch(job.ops, '(%w+) (%-?%d+) %d+') do
    redis.call('ZADD', KEYS[9], int(deadline + job.created), op)
  end
end
announce('deleted', ARGV[5], '')
return { 'done' }

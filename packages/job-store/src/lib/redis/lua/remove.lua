-- Removes a job and its places in all indexes. The operation is remembered beside the jobs: the record is gone.
-- ARGV: 5 id, 6 version or '', 7 createdAt or ''
-- Replies: { 'removed' } { 'missing' } { 'conflict', version } { 'unreadable' }

redis.call('ZREMRANGEBYSCORE', KEYS[7], '-inf', int(now - 1000))
if redis.call('ZSCORE', KEYS[7], ARGV[3]) then return { 'removed' } end
if ARGV[6] ~= '' or ARGV[7] ~= '' then
  local text = redis.call('GET', KEYS[8])
  if not text then return { 'missing' } end
  local job = parse(text)
  if not job then return { 'unreadable' } end
  if conflicts(job, ARGV[6], ARGV[7]) then return { 'conflict', int(job.version) } end
end
if redis.call('DEL', KEYS[8]) == 0 then return { 'missing' } end
displace({ ARGV[5] })
redis.call('ZADD', KEYS[7], ARGV[2], ARGV[3])
announce('deleted', ARGV[5], '')
return { 'removed' }

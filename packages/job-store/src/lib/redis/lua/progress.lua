-- Records progress: changes that line, the time of update, and nothing else.
-- ARGV: 4 version or '', 5 createdAt or '', 6 final statuses (JSON, one a line), 7 progress line,
--       8 largest record (bytes)
-- Replies: { 'recorded' } { 'missing' } { 'conflict', version } { 'illegal', status (JSON) } { 'tooLarge', bytes }
--          { 'unreadable' }

local text = redis.call('GET', KEYS[5])
if not text then return { 'missing' } end
local job = parse(text)
if not job then return { 'unreadable' } end
if answered(job) then return { 'recorded' } end
if conflicts(job, ARGV[4], ARGV[5]) then return { 'conflict', int(job.version) } end
if contains(ARGV[6], job.status) then return { 'illegal', job.status } end
job.progress, job.updated = ARGV[7], now
remember(job)
local changed = compose(job)
if #changed > tonumber(ARGV[8]) then return { 'tooLarge', #changed } end
redis.call('SET', KEYS[5], changed, 'KEEPTTL')
return { 'recorded' }

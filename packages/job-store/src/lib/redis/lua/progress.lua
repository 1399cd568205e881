-- Records progress: changes that line, the time of update, and nothing else.
-- ARGV: 5 id, 6 version or '', 7 createdAt or '', 8 final statuses (JSON, one a line), 9 progress line,
--       10 largest record (bytes)
-- Replies: { 'recorded' } { 'missing' } { 'conflict', version } { 'illegal', status (JSON) } { 'tooLarge', bytes }
--          { 'unreadable' }

local text = redis.call('GET', KEYS[8])
if not text then return { 'missing' } end
local job = parse(text)
if not job then return { 'unreadable' } end
if answered(job) then return { 'recorded' } end
if conflicts(job, ARGV[6], ARGV[7]) then return { 'conflict', int(job.version) } end
if contains(ARGV[8], job.status) then return { 'illegal', job.status } end
job.progress, job.updated = ARGV[9], now
remember(job)
local changed = compose(job)
if #changed > tonumber(ARGV[10]) then return { 'tooLarge', #changed } end
redis.call('SET', KEYS[8], changed, 'KEEPTTL')
announce('progress', ARGV[5], ',"version":' .. int(job.version) .. ',' .. string.sub(ARGV[9], 1, -2))
return { 'recorded' }

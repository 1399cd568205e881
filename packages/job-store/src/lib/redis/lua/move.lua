-- Moves a job to another status.
-- ARGV: 4 id, 5 status (JSON), 6 code of status and ttl, 7 ttl (ms), 8 version or '', 9 createdAt or '',
--       10 statuses from which the move is legal (JSON, one a line), 11 final statuses (likewise),
--       12 progress line, 13 result line, 14 failure line ('=' keeps what is stored), 15 remark, 16 history limit,
--       17 largest record (bytes); then messages
-- Replies: { 'moved', record } { 'answered', version, record } { 'unchanged', record } { 'missing' }
--          { 'conflict', version } { 'illegal', status (JSON) } { 'tooLarge', bytes } { 'unreadable' }

local text = redis.call('GET', KEYS[5])
if not text then return { 'missing' } end
local job = parse(text)
if not job then return { 'unreadable' } end
local before = answered(job)
if before then return { 'answered', before, text } end
if conflicts(job, ARGV[8], ARGV[9]) then return { 'conflict', int(job.version) } end
if not contains(ARGV[10], job.status) then
  if job.status == ARGV[5] then return { 'unchanged', text } end
  return { 'illegal', job.status }
end

local from = job.status
if contains(ARGV[11], from) then
  job.attempt = job.attempt + 1
  job.progress, job.result, job.failure = '', '', ''
end
if ARGV[12] ~= '=' then job.progress = ARGV[12] end
if ARGV[13] ~= '=' then job.result = ARGV[13] end
if ARGV[14] ~= '=' then job.failure = ARGV[14] end
job.version = job.version + 1
job.status, job.updated, job.entered, job.ttl = ARGV[5], now, now, tonumber(ARGV[7])
remember(job)
record(job, from, ARGV[15], tonumber(ARGV[16]))

local moved = compose(job)
if #moved > tonumber(ARGV[17]) then return { 'tooLarge', #moved } end
store(ARGV[4], job, moved, tonumber(ARGV[6]))
send(ARGV[4], job, 18)
return { 'moved', moved }

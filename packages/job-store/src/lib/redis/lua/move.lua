-- Moves a job to another status.
-- ARGV: 5 id, 6 status (JSON), 7 code of status and ttl, 8 ttl (ms), 9 version or '', 10 createdAt or '',
--       11 statuses from which the move is legal (JSON, one a line), 12 final statuses (likewise),
--       13 progress line, 14 result line, 15 failure line ('=' keeps what is stored), 16 remark, 17 history limit,
--       18 largest record (bytes); then messages
-- Replies: { 'moved', record } { 'answered', version, record } { 'unchanged', record } { 'missing' }
--          { 'conflict', version } { 'illegal', status (JSON) } { 'tooLarge', bytes } { 'unreadable' }

local text = redis.call('GET', KEYS[8])
if not text then return { 'missing' } end
local job = parse(text)
if not job then return { 'unreadable' } end
local before = answered(job)
if before then return { 'answered', before, text } end
if conflicts(job, ARGV[9], ARGV[10]) then return { 'conflict', int(job.version) } end
if not contains(ARGV[11], job.status) then
  if job.status == ARGV[6] then return { 'unchanged', text } end
  return { 'illegal', job.status }
end

local from = job.status
if contains(ARGV[12], from) then
  job.attempt = job.attempt + 1
  job.progress, job.result, job.failure = '', '', ''
end
if ARGV[13] ~= '=' then job.progress = ARGV[13] end
if ARGV[14] ~= '=' then job.result = ARGV[14] end
if ARGV[15] ~= '=' then job.failure = ARGV[15] end
job.version = job.version + 1
job.status, job.updated, job.entered, job.ttl = ARGV[6], now, now, tonumber(ARGV[8])
remember(job)
record(job, from, ARGV[16], tonumber(ARGV[17]))

local moved = compose(job)
if #moved > tonumber(ARGV[18]) then return { 'tooLarge', #moved } end
store(ARGV[5], job, moved, tonumber(ARGV[7]))
announce('status', ARGV[5], change(job, from, ARGV[16]))
send(ARGV[5], job, 19)
return { 'moved', moved }

-- Writes a whole job as given, one version above the stored one where there is one.
-- ARGV: 5 id, 6 status (JSON), 7 code of status and ttl, 8 ttl (ms), 9 version, 10 attempt, 11 createdAt, 12 updatedAt,
--       13 statusAt, 14 progress line, 15 result line, 16 failure line, 17 data line, 18 history part,
--       19 fields (one a line), 20 largest record (bytes), 21 value that is no record and to be replaced, or none
-- Replies: { 'saved', record } { 'answered', version, record } { 'conflict', version } { 'over' } { 'tooLarge', bytes }
--          { 'unreadable' }

local job = {
  version = tonumber(ARGV[9]), status = ARGV[6], attempt = tonumber(ARGV[10]), created = tonumber(ARGV[11]),
  updated = tonumber(ARGV[12]), entered = tonumber(ARGV[13]), ttl = tonumber(ARGV[8]), progress = ARGV[14],
  result = ARGV[15], failure = ARGV[16], data = ARGV[17], ops = '', history = ARGV[18],
}
local from = 'null'
local text = redis.call('GET', KEYS[8])
if text and text ~= ARGV[21] then
  local existing = parse(text)
  if not existing then return { 'unreadable' } end
  local before = answered(existing)
  if before then return { 'answered', before, text } end
  if existing.version ~= job.version then return { 'conflict', int(existing.version) } end
  job.version = job.version + 1
  from = existing.status
  job.ops = existing.ops
end
if job.ttl > 0 and job.entered + job.ttl < now then return { 'over' } end
remember(job)
local saved = compose(job)
if #saved > tonumber(ARGV[20]) then return { 'tooLarge', #saved } end
store(ARGV[5], job, saved, tonumber(ARGV[7]), ARGV[19])
announce('saved', ARGV[5], change(job, from, ''))
return { 'saved', saved }

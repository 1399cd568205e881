-- Writes a whole job as given, one version above the stored one where there is one.
-- ARGV: 4 id, 5 status (JSON), 6 code of status and ttl, 7 ttl (ms), 8 version, 9 attempt, 10 createdAt, 11 updatedAt,
--       12 statusAt, 13 progress line, 14 result line, 15 failure line, 16 data line, 17 history part,
--       18 largest record (bytes)
-- Replies: { 'saved', record } { 'answered', version, record } { 'conflict', version } { 'over' } { 'tooLarge', bytes }
--          { 'unreadable' }

local job = {
  version = tonumber(ARGV[8]), status = ARGV[5], attempt = tonumber(ARGV[9]), created = tonumber(ARGV[10]),
  updated = tonumber(ARGV[11]), entered = tonumber(ARGV[12]), ttl = tonumber(ARGV[7]), progress = ARGV[13],
  result = ARGV[14], failure = ARGV[15], data = ARGV[16], ops = '', history = ARGV[17],
}
local text = redis.call('GET', KEYS[5])
if text then
  local existing = parse(text)
  if not existing then return { 'unreadable' } end
  local before = answered(existing)
  if before then return { 'answered', before, text } end
  if existing.version ~= job.version then return { 'conflict', int(existing.version) } end
  job.version = job.version + 1
  job.ops = existing.ops
end
if job.ttl > 0 and job.entered + job.ttl < now then return { 'over' } end
remember(job)
local saved = compose(job)
if #saved > tonumber(ARGV[18]) then return { 'tooLarge', #saved } end
store(ARGV[4], job, saved, tonumber(ARGV[6]))
return { 'saved', saved }

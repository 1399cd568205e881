-- Creates a job, unless its id is taken.
-- ARGV: 4 id, 5 status (JSON), 6 code of status and ttl, 7 ttl (ms), 8 data line, 9 remark, 10 history limit,
--       11 largest record (bytes); then messages
-- Replies: { 'created', createdAt } { 'exists', record } { 'tooLarge', bytes } { 'unreadable' }

local text = redis.call('GET', KEYS[5])
if text then
  local existing = parse(text)
  if not existing then return { 'unreadable' } end
  if answered(existing) == '1' then return { 'created', int(existing.created) } end
  return { 'exists', text }
end
local job = {
  version = 1, status = ARGV[5], attempt = 1, created = now, updated = now, entered = now, ttl = tonumber(ARGV[7]),
  progress = '', result = '', failure = '', data = ARGV[8], ops = '', history = '"history":[]}',
}
remember(job)
record(job, 'null', ARGV[9], tonumber(ARGV[10]))
local fresh = compose(job)
if #fresh > tonumber(ARGV[11]) then return { 'tooLarge', #fresh } end
store(ARGV[4], job, fresh, tonumber(ARGV[6]))
send(ARGV[4], job, 12)
return { 'created', int(now) }

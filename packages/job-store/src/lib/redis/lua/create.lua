-- Creates a job, unless its id is taken.
-- ARGV: 5 id, 6 status (JSON), 7 code of status and ttl, 8 ttl (ms), 9 data line, 10 remark, 11 history limit,
--       12 largest record (bytes), 13 fields (one a line); then messages
-- Replies: { 'created', createdAt } { 'exists', record } { 'tooLarge', bytes } { 'unreadable' }

local text = redis.call('GET', KEYS[8])
if text then
  local existing = parse(text)
  if not existing then return { 'unreadable' } end
  if answered(existing) == '1' then return { 'created', int(existing.created) } end
  return { 'exists', text }
end
local job = {
  version = 1, status = ARGV[6], attempt = 1, created = now, updated = now, entered = now, ttl = tonumber(ARGV[8]),
  progress = '', result = '', failure = '', data = ARGV[9], ops = '', history = '"history":[]}',
}
remember(job)
record(job, 'null', ARGV[10], tonumber(ARGV[11]))
local fresh = compose(job)
if #fresh > tonumber(ARGV[12]) then return { 'tooLarge', #fresh } end
store(ARGV[5], job, fresh, tonumber(ARGV[7]), ARGV[13])
announce('created', ARGV[5], change(job, 'null', ARGV[10]))
send(ARGV[5], job, 14)
return { 'created', int(now) }

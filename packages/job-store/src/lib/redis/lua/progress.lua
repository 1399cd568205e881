-- Records progress: changes that line, the time of update, and nothing else.
-- CALL: 1 operation id, 2 version and createdAt expected, or '', 3 progress line
-- Replies: { 'recorded' } { 'missing' } { 'conflict', version } { 'illegal', status (JSON) } { 'tooLarge', bytes }
--          { 'unreadable' }

function verbs.progress(job, at)
  local after = at + 4
  if isRemoved(ARGV[at + 1]) then return { 'removed' }, after end
  if not job.text then return refusal(job), after end
  local record = parse(job.text)
  if not record then return { 'unreadable' }, after end
  if repeated and answered(record.ops, ARGV[at + 1]) then return { 'recorded' }, after end
  if conflicts(record, ARGV[at + 2]) then return { 'conflict', record.version }, after end
  if contains(ARGV[8], record.status) then return { 'illegal', record.status }, after end
  local version, created, age = record.version, tonumber(record.created), int(now - record.created)
  local times = record.created .. ',' .. record.entered .. ',' .. record.ttl
  if age ~= record.entered then times = times .. ',' .. age end
  local text = compose(version, record.status, record.attempt, times, replaceParts(record.parts, ARGV[at + 3], '=', '='),
    remember(record.ops, ARGV[at + 1], int(ARGV[2] - created), created, version), record.history)
  if #text > largest then return { 'tooLarge', #text }, after end
  write(job, text, record.ttl ~= '0' and int(created + record.entered + record.ttl))
  announce('progress', job.id, ',"version":' .. version .. ',' .. sub(ARGV[at + 3], 1, -2))
  return { 'recorded' }, after
end

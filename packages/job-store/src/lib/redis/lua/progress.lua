-- Records progress: changes that line, the time of update, and nothing else.
-- CALL: 1 operation, 2 expected version and createdAt, or '', 3 progress (line)
-- Replies: 'recorded'; 'missing'; 'conflict', version; 'illegal', status (JSON); 'tooLarge', bytes; 'unreadable'

function verbs.progress(job, operation, expected, progress)
  if not job.text then return refusal(job) end
  local record = parse(job.text)
  if not record then return 'unreadable' end
  if repeated and answered(record.ops, operation) then return 'recorded' end
  if conflicts(record, expected) then return 'conflict', record.version end
  if contains(ARGV[8], record.status) then return 'illegal', record.status end
  local version, created, age = record.version, record.created, int(now - record.created)
  local times = created .. ',' .. record.entered .. ',' .. record.ttl
  if age ~= record.entered then times = times .. ',' .. age end
  local text = compose(version, record.status, record.attempt, times, replaceParts(record.parts, progress, '=', '='),
    sub(job.text, record.first, record.last), remember(record.ops, operation, created, version), record.history)
  if #text > largest then return 'tooLarge', #text end
  write(job, text, record.ttl ~= '0' and int(created + record.entered + record.ttl))
  announce('progress', job.id, ',"version":' .. version .. ',' .. sub(progress, 1, -2))
  return 'recorded'
end

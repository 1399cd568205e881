-- Removes a job and its places in all indexes. The operation is remembered beside the jobs, and with it those that the
-- record remembered: a retry of any of them must not take a later job of this id for the one it meant.
-- CALL: 1 operation id, 2 version and createdAt expected, or ''
-- Replies: { 'done' } { 'missing' } { 'conflict', version } { 'unreadable' }

function verbs.remove(job, at)
  local after = at + 3
  if isRemoved(ARGV[at + 1]) then return { 'removed' }, after end
  -- By id, whatever stands at the key is removed, be it no record or not even a string.
  if not job.text and not job.foreign then return { 'missing' }, after end
  local record = job.text and parse(job.text)
  if ARGV[at + 2] ~= '' then
    if not record then return { 'unreadable' }, after end
    if conflicts(record, ARGV[at + 2]) then return { 'conflict', record.version }, after end
  end
  marks[#marks + 1] = ARGV[2]
  marks[#marks + 1] = ARGV[at + 1]
  if record then
    local over = now - record.created - 1000
    for operation, deadline in string.gmatch(record.ops, '(%w+) (%-?%d+) %d+') do
      if tonumber(deadline) >= over then
        marks[#marks + 1] = int(deadline + record.created)
        marks[#marks + 1] = operation
      end
    end
  end
  write(job, false)
  job.foreign = false
  announce('deleted', job.id, '')
  return { 'done' }, after
end

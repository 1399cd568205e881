-- Removes a job and its places in all indexes. The operation is remembered beside the jobs, and with it those that the
-- record remembered: a retry of any of them must not take a later job of this id for the one it meant.
-- CALL: 1 operation, 2 expected version and createdAt, or ''
-- Replies: 'done'; 'missing'; 'conflict', version; 'unreadable'

function verbs.remove(job, operation, expected)
  -- By id, whatever stands at the key is removed, be it no record or not even a string.
  if not job.text and not job.foreign then return 'missing' end
  local record = job.text and parse(job.text)
  if expected ~= '' then
    if not record then return 'unreadable' end
    if conflicts(record, expected) then return 'conflict', record.version end
  end
  marks[#marks + 1] = ARGV[2]
  marks[#marks + 1] = operation
  if record then
    local over = now - record.created - 1000
    for earlier, ends in string.gmatch(record.ops, '(%w+) (%-?%d+) %d+') do
      if tonumber(ends) >= over then
        marks[#marks + 1] = int(ends + record.created)
        marks[#marks + 1] = earlier
      end
    end
  end
  write(job, false)
  job.foreign = false
  announce('deleted', job.id, '')
  return 'done'
end

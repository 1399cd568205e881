-- Creates a job, unless its id is taken.
-- CALL: 1 operation, 2 status, 3 data (line), 4 remark, 5 fields (one a line); then messages
-- Replies: 'created', createdAt; 'exists', record; 'tooLarge', bytes; 'unreadable'

function verbs.create(job, operation, status, data, remark, fields, ...)
  if job.foreign then return 'unreadable' end
  if job.text then
    local existing = parse(job.text)
    if not existing then return 'unreadable' end
    if repeated and answered(existing.ops, operation) == '1' then return 'created', existing.created end
    return 'exists', job.text
  end
  local to = statuses[status]
  local text = compose('1', to.json, '1', today .. ',0,' .. to.ttl, NO_PARTS, data, remember('', operation, now, '1'),
    addEntry('', '\n[1,null,' .. to.json .. ',0' .. remark .. ']', historyLimit))
  if #text > largest then return 'tooLarge', #text end
  write(job, text, to.expires, to.score)
  job.created, job.creation, job.fields = now, today, fields
  announceChange('created', job.id, 'null', to.json, '1', remark)
  send(job.id, '1', ...)
  return 'created', today
end

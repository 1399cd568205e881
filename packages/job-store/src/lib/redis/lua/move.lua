-- Moves a job to another status.
-- CALL: 1 operation, 2 status, 3 expected version and createdAt, or '', 4 changes: progress, result and failure line ('='
--       keeps what is stored), or '' to keep all, 5 remark; then messages
-- Replies: 'moved', record; 'answered', version and record; 'unchanged', record; 'missing'; 'conflict', version;
--          'illegal', status (JSON); 'tooLarge', bytes; 'unreadable'

function verbs.move(job, operation, status, expected, changes, remark, ...)
  if not job.text then return refusal(job) end
  local record = parse(job.text)
  if not record then return 'unreadable' end
  local before = repeated and answered(record.ops, operation)
  if before then return 'answered', before .. ' ' .. job.text end
  if conflicts(record, expected) then return 'conflict', record.version end
  local to, from = statuses[status], record.status
  if not contains(to.sources, from) then
    if from == to.json then return 'unchanged', job.text end
    return 'illegal', from
  end

  local attempt, parts = record.attempt, record.parts
  if contains(ARGV[8], from) then attempt, parts = int(attempt + 1), NO_PARTS end
  if changes ~= '' then parts = replaceParts(parts, match(changes, '^([^\n]*)\n([^\n]*)\n([^\n]*)$')) end
  local version, created = int(record.version + 1), record.created
  local age = int(now - created)
  local entry = '\n[' .. version .. ',' .. from .. ',' .. to.json .. ',' .. age .. remark .. ']'
  local text = compose(version, to.json, attempt, created .. ',' .. age .. ',' .. to.ttl, parts,
    sub(job.text, record.first, record.last), remember(record.ops, operation, created, version),
    addEntry(record.history, entry, historyLimit))
  if #text > largest then return 'tooLarge', #text end
  write(job, text, to.expires, to.score)
  job.created = created
  announceChange('status', job.id, from, to.json, version, remark)
  send(job.id, version, ...)
  return 'moved', text
end

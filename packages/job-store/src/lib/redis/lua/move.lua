-- Moves a job to another status.
-- CALL: 1 operation id, 2 place of the status, 3 version and createdAt expected, or '', 4 progress, result and failure
--       line ('=' keeps what is stored), or '' to keep all, 5 remark, 6 number of messages; then messages
-- Replies: { 'moved', record } { 'answered', version, record } { 'unchanged', record } { 'missing' }
--          { 'conflict', version } { 'illegal', status (JSON) } { 'tooLarge', bytes } { 'unreadable' }

function verbs.move(job, at)
  local count = tonumber(ARGV[at + 6])
  local after = at + 7 + 2 * count
  if isRemoved(ARGV[at + 1]) then return { 'removed' }, after end
  if not job.text then return refusal(job), after end
  local record = parse(job.text)
  if not record then return { 'unreadable' }, after end
  local before = repeated and answered(record.ops, ARGV[at + 1])
  if before then return { 'answered', before, job.text }, after end
  if conflicts(record, ARGV[at + 3]) then return { 'conflict', record.version }, after end
  local status, from = statuses[ARGV[at + 2]], record.status
  if not contains(status.sources, from) then
    if from == status.json then return { 'unchanged', job.text }, after end
    return { 'illegal', from }, after
  end

  local attempt, parts = record.attempt, record.parts
  if contains(ARGV[8], from) then
    attempt = int(attempt + 1)
    parts = replaceParts(parts, '', '', '')
  end
  if ARGV[at + 4] ~= '' then parts = replaceParts(parts, match(ARGV[at + 4], '^([^\n]*)\n([^\n]*)\n([^\n]*)$')) end
  local version, created, remark = int(record.version + 1), tonumber(record.created), ARGV[at + 5]
  local age = int(now - created)
  local entry = '\n[' .. version .. ',' .. from .. ',' .. status.json .. ',' .. age .. remark .. ']'
  local text = compose(version, status.json, attempt, record.created .. ',' .. age .. ',' .. status.ttl, parts,
    remember(record.ops, ARGV[at + 1], int(ARGV[2] - created), created, version),
    addEntry(record.history, entry, historyLimit))
  if #text > largest then return { 'tooLarge', #text }, after end
  write(job, text, status.ttl ~= '0' and int(now + status.ttl), status.score)
  job.created = created
  announce('status', job.id, change(from, status.json, version, remark))
  send(job.id, version, at + 7, count)
  return { 'moved', text }, after
end

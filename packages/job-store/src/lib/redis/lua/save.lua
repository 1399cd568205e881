-- Writes a whole job as given, one version above the stored one where there is one.
-- CALL: 1 operation, 2 status, 3 version, 4 attempt, 5 created (ms), 6 updated (ms), 7 entered: when it entered its status
--       (ms), 8 progress, 9 result, 10 failure and 11 data (lines), 12 history: its entries, 13 fields (one a line),
--       14 replaced: a value that is no record, or ''
-- Replies: 'saved', record; 'answered', version and record; 'conflict', version; 'over'; 'tooLarge', bytes; 'unreadable';
--          'changed'  that value is not there any more

function verbs.save(job, operation, status, version, attempt, created, updated, entered, progress, result, failure, data,
  history, fields, replaced)
  if job.foreign then return 'unreadable' end
  local to, from, ops = statuses[status], 'null', ''
  if job.text and (replaced == '' or job.text ~= replaced) then
    local existing = parse(job.text)
    local before = existing and repeated and answered(existing.ops, operation)
    if before then return 'answered', before .. ' ' .. job.text end
    if replaced ~= '' then return 'changed' end
    if not existing then return 'unreadable' end
    if existing.version ~= version then return 'conflict', existing.version end
    version, from, ops = int(version + 1), existing.status, existing.ops
  elseif replaced ~= '' and not job.text then
    return 'changed'
  end
  local over = to.ttl ~= '0' and entered + to.ttl
  if over and over < now then return 'over' end
  local times = created .. ',' .. int(entered - created) .. ',' .. to.ttl
  if updated ~= entered then times = times .. ',' .. int(updated - created) end
  local parts = '\n' .. progress .. '\n' .. result .. '\n' .. failure .. '\n'
  local text = compose(version, to.json, attempt, times, parts, data, remember(ops, operation, created, version), history)
  if #text > largest then return 'tooLarge', #text end
  write(job, text, over and int(over), int(to.base + entered))
  job.created, job.creation, job.fields = created, created, fields
  announceChange('saved', job.id, from, to.json, version, '')
  return 'saved', text
end

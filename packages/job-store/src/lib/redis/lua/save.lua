-- Writes a whole job as given, one version above the stored one where there is one.
-- CALL: 1 operation id, 2 place of its status, 3 version, 4 attempt, 5 createdAt, 6 updatedAt, 7 statusAt, 8 progress line,
--       9 result line, 10 failure line, 11 data line, 12 history part, 13 fields (one a line), 14 value that is no record
--       and to be replaced, or ''
-- Replies: { 'saved', record } { 'answered', version, record } { 'conflict', version } { 'over' } { 'tooLarge', bytes }
--          { 'unreadable' } { 'changed' }  that value is not there any more

function verbs.save(job, at)
  local after = at + 15
  if isRemoved(ARGV[at + 1]) then return { 'removed' }, after end
  if job.foreign then return { 'unreadable' }, after end
  local status, replaced = statuses[ARGV[at + 2]], ARGV[at + 14]
  local version, from, ops = ARGV[at + 3], 'null', ''
  if job.text and job.text ~= replaced then
    local existing = parse(job.text)
    local before = existing and repeated and answered(existing.ops, ARGV[at + 1])
    if before then return { 'answered', before, job.text }, after end
    if replaced ~= '' then return { 'changed' }, after end
    if not existing then return { 'unreadable' }, after end
    if existing.version ~= version then return { 'conflict', existing.version }, after end
    version, from, ops = int(version + 1), existing.status, existing.ops
  elseif replaced ~= '' and not job.text then
    return { 'changed' }, after
  end
  local created, entered, ttl = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 7]), tonumber(status.ttl)
  if ttl > 0 and entered + ttl < now then return { 'over' }, after end
  local times = ARGV[at + 5] .. ',' .. int(entered - created) .. ',' .. status.ttl
  if ARGV[at + 6] ~= ARGV[at + 7] then times = times .. ',' .. int(ARGV[at + 6] - created) end
  local parts = '\n' .. table.concat({ ARGV[at + 8], ARGV[at + 9], ARGV[at + 10], ARGV[at + 11] }, '\n')
  local text = compose(version, status.json, ARGV[at + 4], times, parts,
    remember(ops, ARGV[at + 1], int(ARGV[2] - created), created, version), ARGV[at + 12])
  if #text > largest then return { 'tooLarge', #text }, after end
  write(job, text, ttl > 0 and int(entered + ttl), int(status.code * 4398046511104 + entered))
  job.created, job.creation, job.fields = created, ARGV[at + 5], ARGV[at + 13]
  announce('saved', job.id, change(from, status.json, version, ''))
  return { 'saved', text }, after
end

-- Creates a job, unless its id is taken.
-- CALL: 1 operation id, 2 place of its status, 3 data line, 4 remark, 5 fields (one a line), 6 number of messages; then
--       messages
-- Replies: { 'created', createdAt } { 'exists', record } { 'tooLarge', bytes } { 'unreadable' }

function verbs.create(job, at)
  local count = tonumber(ARGV[at + 6])
  local after = at + 7 + 2 * count
  if isRemoved(ARGV[at + 1]) then return { 'removed' }, after end
  if job.foreign then return { 'unreadable' }, after end
  if job.text then
    local existing = parse(job.text)
    if not existing then return { 'unreadable' }, after end
    if repeated and answered(existing.ops, ARGV[at + 1]) == '1' then return { 'created', existing.created }, after end
    return { 'exists', job.text }, after
  end
  local status, remark = statuses[ARGV[at + 2]], ARGV[at + 4]
  local history = historyLimit == 0 and '"history":[]}'
    or '"history":[\n[1,null,' .. status.json .. ',0' .. remark .. ']]}'
  local text = compose('1', status.json, '1', today .. ',0,' .. status.ttl, '\n\n\n\n' .. ARGV[at + 3],
    ARGV[at + 1] .. ' ' .. int(ARGV[2] - now) .. ' 1', history)
  if #text > largest then return { 'tooLarge', #text }, after end
  write(job, text, status.ttl ~= '0' and int(now + status.ttl), status.score)
  job.created, job.creation, job.fields = now, today, ARGV[at + 5]
  announce('created', job.id, change('null', status.json, '1', remark))
  send(job.id, '1', at + 7, count)
  return { 'created', today }, after
end

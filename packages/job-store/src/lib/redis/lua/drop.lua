-- Removes a value that is no record, if it is still there. No index knows of it.
-- CALL: 1 operation id, 2 the value
-- Replies: { 'dropped' } { 'changed' }  something else is there now, or nothing

function verbs.drop(job, at)
  if job.text ~= ARGV[at + 2] then return { 'changed' }, at + 3 end
  write(job, false)
  return { 'dropped' }, at + 3
end

-- Removes a value that is no record, if it is still there. No index knows of it.
-- CALL: 1 operation, 2 value
-- Replies: 'dropped'; 'changed'  something else is there now, or nothing

function verbs.drop(job, _, value)
  if job.text ~= value then return 'changed' end
  write(job, false)
  return 'dropped'
end

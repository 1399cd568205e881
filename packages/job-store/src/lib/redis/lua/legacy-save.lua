-- Put between mutation.lua and save.lua, whose arguments follow: saves a job in the place of a value that was no record,
-- if that value is still there.
-- ARGV: 21 the value
-- Replies: { 'changed' }  something else is there now, or nothing; and those of save.lua

local found = redis.call('GET', KEYS[8])
if found ~= ARGV[21] then
  -- This operation may have put it there, and its reply been lost: then save.lua answers as the first time.
  local job = found and parse(found)
  if not (job and answered(job)) then return { 'changed' } end
end

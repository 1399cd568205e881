-- Looks for members of the index of fields that no job has, and takes them out where asked to. Those of a job that is gone and
-- stands in another index, too, are found there. Comes after indexes.lua.
-- KEYS: from 9 on, the jobs' keys
-- ARGV: 1 edition of the map the caller knows, 2 '1' to mend; from 3 on, two of each member: 3 the member, 4 the job's id,
--       '' where it has none
-- Replies: { 'stale' } or { 'audited', how many belonged to no job, how many were taken out, id … }  of the job, for each
--          member that is not where this job is, as far as the other indexes are right; only where none is to be mended

if metadata[1] ~= ARGV[1] then return { 'stale' } end

local stale, taken, strays = 0, 0, {}

local function remove(member)
  stale = stale + 1
  if ARGV[2] == '1' then taken = taken + redis.call('ZREM', fieldsKey, member) end
end

local function look(key, member, id)
  -- Its job may have moved on since it was found.
  if not redis.call('ZSCORE', fieldsKey, member) then return end
  if id == '' then return remove(member) end
  local score, created, fields = redis.call('ZSCORE', KEYS[2], id), redis.call('ZSCORE', KEYS[3], id), fieldsOf(id)
  if redis.call('EXISTS', KEYS[key]) == 0 then
    if not (score or created or fields ~= '') then remove(member) end
  elseif score and created and not membersOf(fields, score, created, id)[member] then
    if ARGV[2] == '1' then remove(member) else strays[#strays + 1] = id end
  end
end

for i = 3, #ARGV, 2 do look(9 + (i - 3) / 2, ARGV[i], ARGV[i + 1]) end
return { 'audited', stale, taken, unpack(strays) }

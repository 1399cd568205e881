-- Reads jobs and their index entries in one atomic step, as many as one script may read. Reads only. Comes after indexes.lua.
-- KEYS: from 17 on, the jobs
-- ARGV: 1 revision of the metadata that the caller knows, 2 position of the id in the key of a job; from 3 on, a member of the index
--       by field for each job, or nothing
-- Replies: { 'stale' } or { 'read', time of the server (ms), { record or false … }, { PTTL … }, { score in the index by status … },
--          { score in the index by creation … }, { fields (one per line) … }, { 1 if the index by field has all members of the job,
--          else 0 … }, { 1 if it has the given member, else 0 … }, { work state or false … } } for at least the first job

if metadata[1] ~= ARGV[1] then return { 'stale' } end

local last = lastReadable(17, largestStored)
local records, ids, ttls, complete, given = redis.call('MGET', unpack(KEYS, 17, last)), {}, {}, {}, {}
for i = 1, last - 16 do
  ids[i] = sub(KEYS[i + 16], ARGV[2])
  ttls[i] = redis.call('PTTL', KEYS[i + 16])
end
local scores, creations = redis.call('ZMSCORE', KEYS[2], unpack(ids)), redis.call('ZMSCORE', KEYS[3], unpack(ids))
local fields = FIELDS and redis.call('HMGET', valuesKey, unpack(ids)) or {}

local works = metadata[5] and redis.call('HMGET', workKey, unpack(ids)) or {}

local function hasMembers(i)
  for member in pairs(membersOf(fields[i] or '', scores[i], creations[i], ids[i])) do
    if not redis.call('ZSCORE', fieldsKey, member) then return 0 end
  end
  return 1
end

for i = 1, last - 16 do
  complete[i] = hasMembers(i)
  given[i] = ARGV[i + 2] and redis.call('ZSCORE', fieldsKey, ARGV[i + 2]) and 1 or 0
end
return { 'read', now, records, ttls, scores, creations, fields, complete, given, works }

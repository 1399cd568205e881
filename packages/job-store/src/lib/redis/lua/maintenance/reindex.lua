-- Corrects the index entries and the expiry of jobs by their records. A job that was written since the caller read it is not changed.
-- Comes after indexes.lua, delete-work.lua and late-entry.lua.
-- KEYS: from 17 on, the jobs
-- ARGV: 1 revision of the metadata that the caller knows, 2 position of the id in the key of a job; from 3 on, six values for each job:
--       3 beginning of its record (version to statusAt), '' if it has none, 4 score in the index by status, '' for an expired job,
--       5 score in the index by creation, 6 time of expiry (ms) or '', 7 fields (one per line), 8 a member that the index by field
--       has, or ''
-- Replies: { 'stale' } or { 'reindexed', for each job 1, or 0 if it was written since it was read }

if metadata[1] ~= ARGV[1] then return { 'stale' } end

local function delete(key, id)
  redis.call('DEL', key)
  unindex({ id })
  if metadata[5] then deleteWork({ id }) end
  return {}
end

-- Returns the members of the job in the index by field.
local function index(key, id, score, created, expires, fields)
  if expires == '' then redis.call('PERSIST', key) else redis.call('PEXPIREAT', key, expires) end
  indexFields(id, score, created, fields)
  redis.call('ZADD', KEYS[2], score, id)
  noteEntry(score)
  redis.call('ZADD', KEYS[3], created, id)
  local members = membersOf(fields, score, created, id)
  -- The other indexes may have had entries whose members were missing.
  for member in pairs(members) do redis.call('ZADD', fieldsKey, 0, member) end
  return members
end

local function isUnchanged(key, beginning)
  if beginning == '' then return redis.call('EXISTS', key) == 0 end
  return redis.pcall('GETRANGE', key, 0, #beginning - 1) == beginning
end

local function reindex(key, beginning, score, created, expires, fields, member)
  if not isUnchanged(key, beginning) then return 0 end
  local id = sub(key, ARGV[2])
  local members = score == '' and delete(key, id) or index(key, id, score, created, expires, fields)
  if member ~= '' and not members[member] then redis.call('ZREM', fieldsKey, member) end
  return 1
end

local reply = { 'reindexed' }
for i = 17, #KEYS do reply[i - 15] = reindex(KEYS[i], unpack(ARGV, 6 * i - 99, 6 * i - 94)) end
return reply

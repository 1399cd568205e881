-- Creates jobs in the initial status, which is STATUS, or changes the status of existing jobs to it. Comes after new-job.lua and
-- update-status.lua.
-- CALL: 1 record of a new job, with zeros in the place of the times, 2 metadata of its creation (JSON) or '', 3 its fields (one per line),
--       4 statuses in which an existing job is changed (one per line, between line breaks); then the values of update-status.lua:
--       5 operation and metadata of the change, 6 nothing, 7 nothing, 8 options: 'n' and the number of values that follow,
--       9 headers of the messages of the status (JSON) or ''; then the messages
-- Replies: for each call
--          'created', createdAt                     the job was created, perhaps by an earlier attempt
--          beginning of the new record, old record  the status was changed. Or the new record, ''
--          'repeated', version and record           an earlier attempt changed the status, with this version
--          'exists', record; 'tooLarge', bytes; 'unreadable', first bytes of the value

-- `options`: see optionsOf in update-status.lua.
local function request(i, key, text, first, options)
  local entry = ARGV[first + 4]
  if not text and redis.call('EXISTS', key) == 0 then
    if repeated and known.hasTombstone(sub(entry, 2, 9)) then return 'deletedSince', '' end
    local record = ARGV[first]
    if #record > MAX_RECORD_BYTES then return 'tooLarge', #record end
    redis.call('SET', key, record)
    completeJob(key, first, ARGV[first + 8], first + 9, first + 7 + options.values)
    return 'created', createdAt
  end
  local head, created, ops, history = parse(text)
  if not head then return 'unreadable', sub(text or '', 1, 8) end
  if repeated then
    local kind, detail = earlierResult(entry, text, history, ops)
    if kind == 'repeated' and match(detail, '^%d+') == '1' then return 'created', created end
    if kind then return kind, detail end
  end
  if not find(ARGV[first + 3], '\n' .. head.status .. '\n', 1, true) then return 'exists', text end
  return updateStatus(i, key, text, first + 4, options)
end

local texts, first = readCalls(), 3
for i = 1, calls do
  local options = optionsOf(ARGV[first + 7])
  push(reply, request(i, KEYS[4 + i], texts[i], first, options))
  first = first + 8 + options.values
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
indexNewJobs()
if works then works.finish(not metadata[5] and KEYS[1]) end

-- Creates jobs in the initial status, which is STATUS, or changes the status of existing jobs to it. Comes after update-status.lua.
-- CALL: 1 record of a new job, with zeros in the place of the times, 2 metadata of its creation (JSON) or '', 3 its fields (one per line),
--       4 statuses in which an existing job is changed (one per line, between line breaks); then the values of update-status.lua:
--       5 operation and metadata of the change, 6 nothing, 7 nothing, 8 options: 'n' and the number of values that follow,
--       9 headers of the messages of the status (JSON) or ''; then the messages
-- Replies: for each call
--          'created', createdAt                     the job was created, perhaps by an earlier attempt
--          beginning of the new record, old record  the status was changed. Or the new record, ''
--          'repeated', version and record           an earlier attempt changed the status, with this version
--          'exists', record; 'tooLarge', bytes; 'unreadable', first bytes of the value

local byCreation = {}
-- A job is created later than every deleted one; see create.lua.
local createdNow = metadata[6] and metadata[6] >= now and string.format('%.0f', metadata[6] + 1) or now

-- Creates the job of a call. `first`: position of the call's values in ARGV. `values`: number of headers and values of messages.
local function create(id, key, first, values)
  local record, fields, ofStatus = ARGV[first], ARGV[first + 2], CODE .. createdNow
  if #record > MAX_RECORD_BYTES then return 'tooLarge', #record end
  redis.call('SET', key, record)
  redis.call('SETRANGE', key, TIMES_AT, createdNow .. ',' .. createdNow)
  if TTL ~= '0' then redis.call('PEXPIREAT', key, tostring(createdNow + TTL)) end
  if #record > largestWritten then largestWritten = #record end
  if FIELDS then indexFields(id, ofStatus, createdNow, fields) end
  push(byStatus, ofStatus, id)
  push(byCreation, createdNow, id)
  if values > 1 then send(id, createdNow, '1', '1', first + 9, first + 7 + values) end
  if SENDS ~= '' then sendEntered(id, createdNow, '1', '1', queuesFor(fields), (values - 1) / 3, ARGV[first + 8], fields) end
  local event, by = EVENT .. createdNow, ARGV[first + 1]
  addEvent(by == '' and event or event .. ',"remark":' .. by, id)
  return 'created', createdNow
end

-- `options`: see optionsOf in update-status.lua.
local function request(i, key, text, first, options)
  local entry = ARGV[first + 4]
  if not text and redis.call('EXISTS', key) == 0 then
    if repeated and known.hasTombstone(sub(entry, 2, 9)) then return 'deletedSince', '' end
    return create(ids[i], key, first, options.values)
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
if #byCreation > 0 then redis.call('ZADD', KEYS[3], unpack(byCreation)) end
if works then works.finish(not metadata[5] and KEYS[1]) end

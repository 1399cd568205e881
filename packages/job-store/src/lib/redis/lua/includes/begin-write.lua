-- Begins every script that changes jobs. Rejects calls that arrive after their deadline or with an outdated revision. Each call changes
-- one job, and no two calls of a script change the same job. If one call is rejected, the others are still applied. All checks of a
-- call precede its first write. Comes after metadata.lua, events.lua and push.lua; end-write.lua comes last. Redis creates the functions of a
-- script again each time that the script runs, so a script has few of them.
--
-- KEYS: 2 index by status, 3 index by creation; from 5 on, the job of each call; then those of the flags, in this order:
--       'f' field values (hash) and index by field (sorted set; see fields.lua)
--       'o' outbox (stream)
--       's' scheduled messages (sorted set: number of the message, scored by its due time) and their entries (hash: number -> fields, and
--           `last`, the newest number)
--       't' even and odd tombstones (two sets; see operations.lua)
--       'w' work states and their messages (two hashes), leases and waits (two sorted sets; see work-state.lua)
--       'c' gaps (see contact.lua) and pauses (see pauses.lua)
--       'l' limits, their lists and their rules (see places.lua)
-- ARGV: 1 revision of the metadata that the caller knows, 2 deadline (ms since 1970 by this server's clock, 13 digits), id of the caller's
--       connection (8 characters) and flags: 'f' to 'l' see above, 'n' if no claim of the store had a limit before, 'r' if an earlier attempt of
--       these calls may have been applied, 'd' if each call has all of its values instead of the first ones; from 3 on, the values of the calls
-- Replies: { 'late' }   the deadline has passed, or the caller has lost the connection: nothing was changed, and nothing will be
--          { 'stale' }  the metadata has another revision: the caller reads the metadata again and repeats the call
--          { 'done', two values for each call … }, without the last calls if they would read too many bytes
--          { 'grown', … }  the same, and the metadata has a new revision, because a record is larger than all before, or because the store
--          has its first limit
--          The values of a call may also be
--          'deletedSince', ''     an earlier attempt was applied, and the job has been deleted since
--          'missing', ''     there is no job
--          'unreadable', first bytes of the value, or ''  the value of the key is not a record, or has another form; see record.lua

if now > ARGV[2] then return { 'late' } end
if metadata[1] ~= ARGV[1] then return { 'stale' } end
-- A network can deliver a call after its caller has lost the connection and sent the call again on another one.
if metadata[4] and find(metadata[4], sub(ARGV[2], 14, 21), 1, true) then return { 'late' } end

local calls, repeated, detailed = #KEYS - 4, nil, nil
local valuesKey, fieldsKey, outboxKey, scheduledKey, scheduledEntriesKey, evenKey, oddKey
local workKey, workMessagesKey, leasesKey, waitsKey, gapsKey, pausesKey, limitsKey, listsKey, rulesKey
if #ARGV[2] > 21 then
  local flags, last = sub(ARGV[2], 22), #KEYS
  repeated, detailed = find(flags, 'r', 1, true), find(flags, 'd', 1, true)
  if find(flags, 'l', 1, true) then limitsKey, listsKey, rulesKey, last = KEYS[last - 2], KEYS[last - 1], KEYS[last], last - 3 end
  if find(flags, 'c', 1, true) then gapsKey, pausesKey, last = KEYS[last - 1], KEYS[last], last - 2 end
  if find(flags, 'w', 1, true) then
    workKey, workMessagesKey, leasesKey, waitsKey, last = KEYS[last - 3], KEYS[last - 2], KEYS[last - 1], KEYS[last], last - 4
  end
  if find(flags, 't', 1, true) then evenKey, oddKey, last = KEYS[last - 1], KEYS[last], last - 2 end
  if find(flags, 's', 1, true) then scheduledKey, scheduledEntriesKey, last = KEYS[last - 1], KEYS[last], last - 2 end
  if find(flags, 'o', 1, true) then outboxKey, last = KEYS[last], last - 1 end
  if find(flags, 'f', 1, true) then valuesKey, fieldsKey, last = KEYS[last - 1], KEYS[last], last - 2 end
  calls = last - 4
end

-- Size of the largest record or message that the script writes.
local largestWritten = 0
local reply = { 'done' }
-- Ids of the jobs of the calls, once a script has read them.
local ids = {}

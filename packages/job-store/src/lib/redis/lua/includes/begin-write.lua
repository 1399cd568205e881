-- Begins every script that changes jobs. Rejects calls that arrive after their deadline or with an outdated revision. Each call changes
-- one job, and no two calls of a script change the same job. If one call is rejected, the others are still applied. All checks of a
-- call precede its first write. Comes after metadata.lua and events.lua; end-write.lua comes last. Redis creates the functions of a
-- script again each time that the script runs, so a script has few of them.
--
-- KEYS: 2 index by status, 3 index by creation; from 5 on, the job of each call; then, if the flags have 'k', outbox (stream),
--       even and odd tombstones (two sets of operations), field values (hash), index by field (sorted set), scheduled messages (sorted
--       set: number of the message, scored by its due time) and their entries (hash: number -> fields, and `last`, the newest number);
--       then, if they also have 'w', work states and their messages (two hashes), leases and waits (two sorted sets; see work-state.lua),
--       gaps (see contact.lua), limits, their lists and their rules (see places.lua) and pauses (see pauses.lua)
-- ARGV: 1 revision of the metadata that the caller knows, 2 deadline (ms since 1970 by this server's clock, 13 digits), id of the caller's
--       connection (8 characters) and flags: 'k' and 'w' see above, 'r' if an earlier attempt of these calls may have been applied, 'd' if each
--       call has all of its values instead of the first ones; from 3 on, the values of the calls
-- Replies: { 'late' }   the deadline has passed, or the caller has lost the connection: nothing was changed, and nothing will be
--          { 'stale' }  the metadata has another revision: the caller reads the metadata again and repeats the call
--          { 'done', two values for each call … }, without the last calls if they would read too many bytes
--          { 'grown', … }  the same, and the metadata has a new revision, because a record is larger than all before
--          The values of a call may also be
--          'deletedSince', ''     an earlier attempt was applied, and the job has been deleted since
--          'missing', ''     there is no job
--          'unreadable', first bytes of the value, or ''  the value of the key is not a record, or has another form; see record.lua

if now > ARGV[2] then return { 'late' } end
if metadata[1] ~= ARGV[1] then return { 'stale' } end
-- A network can deliver a call after its caller has lost the connection and sent the call again on another one.
if metadata[4] and find(metadata[4], sub(ARGV[2], 14, 21), 1, true) then return { 'late' } end

local calls, repeated, detailed, outboxKey, evenKey, oddKey, valuesKey, fieldsKey, scheduledKey, scheduledEntriesKey = #KEYS - 4
local workKey, workMessagesKey, leasesKey, waitsKey, gapsKey, limitsKey, listsKey, rulesKey, pausesKey
if #ARGV[2] > 21 then
  repeated, detailed = find(ARGV[2], 'r', 22, true), find(ARGV[2], 'd', 22, true)
  calls = #KEYS - (find(ARGV[2], 'w', 22, true) and 20 or 11)
  outboxKey, evenKey, oddKey, valuesKey, fieldsKey, scheduledKey, scheduledEntriesKey = unpack(KEYS, 5 + calls)
  workKey, workMessagesKey, leasesKey, waitsKey, gapsKey, limitsKey, listsKey, rulesKey, pausesKey = unpack(KEYS, 12 + calls)
end

-- Size of the largest record or message that the script writes.
local largestWritten = 0
local reply = { 'done' }
-- Ids of the jobs of the calls, once a script has read them.
local ids = {}

-- Adds two values to a list. `list[n + 1], list[n + 2] = a, b` would be much slower: Lua sets the last one first.
local function push(list, a, b)
  local n = #list
  list[n + 1] = a
  list[n + 2] = b
end

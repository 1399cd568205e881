-- Names the keys of a script that does not change records, except to delete them. Comes before fields.lua.
-- KEYS: 1 metadata (hash), 2 index by status, 3 index by creation, 4 events (stream), 5 field values (hash), 6 index by field,
--       7 and 8 even and odd tombstones, 9 to 16 work states, their messages, leases, waits, gaps, limits, their lists and their rules
--       (see begin-write.lua)
-- Replies: none of its own

local valuesKey, fieldsKey, evenKey, oddKey, workKey, workMessagesKey, leasesKey, waitsKey, _, limitsKey, listsKey, rulesKey = unpack(KEYS, 5, 16)
-- These scripts send no message.
local outboxKey

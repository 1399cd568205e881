-- Names the keys of a script that does not change records, except to delete them. Comes before fields.lua.
-- KEYS: 1 metadata (hash), 2 index by status, 3 index by creation, 4 events (stream), 5 field values (hash), 6 index by field,
--       7 and 8 even and odd tombstones
-- Replies: none of its own

local valuesKey, fieldsKey, evenKey, oddKey = unpack(KEYS, 5, 8)

-- Reads the clock of this server and the metadata of the store. Comes after script-bytes.lua, before every script that checks the
-- revision of the metadata.
--
-- KEYS: 1 metadata (hash)
-- Replies: none of its own

local KEYS, ARGV = KEYS, ARGV
local find, sub, match = string.find, string.sub, string.match

local clock = redis.call('TIME')
-- Milliseconds since 1970 as text: 13 digits.
local now = clock[1] .. sub('00000' .. clock[2], -6, -4)

local metadata = redis.call('HMGET', KEYS[1], 'revision', 'log', 'largest', 'lost', 'work', 'deleted', 'paused', 'contact', 'away')
-- `work` exists if there can be work states. `deleted` is the newest creation time of deleted jobs. `paused` is described in pauses.lua,
-- `contact` and `away` in contact.lua.
-- No record or message of the store has more bytes.
local largestStored = tonumber(metadata[3] or DEFAULT_LARGEST)

-- Limits the time for which one script blocks the server.
-- Replies: none of its own

-- MAX_SCRIPT_BYTES: maximum number of bytes of records and messages that one script reads, or one record if that is larger.
-- DEFAULT_LARGEST: upper bound for the size of a record or message, if the field `largest` of the metadata has none. The largest page
-- of such records fits into MAX_SCRIPT_BYTES.
local MAX_SCRIPT_BYTES, DEFAULT_LARGEST = 2097152, 2048

-- Limits how long one script blocks the server.
-- Replies: none of its own

-- Maximum number of bytes of records and messages that one script touches, or one record if that is larger. The metadata has, as
-- `largest`, a bound for the size of a record or message. Without it, the bound is DEFAULT_LARGEST: so many that the largest page fits.
local MAX_SCRIPT_BYTES, DEFAULT_LARGEST = 2097152, 2048

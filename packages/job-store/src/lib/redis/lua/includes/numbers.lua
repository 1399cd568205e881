-- Writes numbers as text.
-- Replies: none of its own

-- Lua's tostring keeps 14 digits, too few for a score.
local function int(number) return string.format('%.0f', number) end

-- Writes numbers as text, and divides scores.
-- Replies: none of its own

-- Scores of the index by status are `code * SPAN + ms`; see keys.ts.
local SPAN = 10000000000000

-- Lua's tostring keeps 14 digits, too few for a score.
local function int(number) return string.format('%.0f', number) end

-- Changes the lines of a record that follow its history. See record.lua.
-- Replies: none of its own

-- Replaces a line of `parts`. `start`: a line break and the beginning of the line. `line`: '=' keeps the old one, '' removes it.
local function replacePart(parts, start, line)
  if line == '=' then return parts end
  local first = find(parts, start, 1, true)
  if first then
    local after = find(parts, '\n', first + 1, true)
    parts = sub(parts, 1, first - 1) .. (after and sub(parts, after) or '')
  end
  return line == '' and parts or parts .. '\n' .. line
end

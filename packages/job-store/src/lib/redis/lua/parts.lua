-- Changes the lines of a record that follow its history. See record.lua.
-- Replies: none of its own

-- Replaces lines of `parts`: '=' keeps a line, '' removes it.
local function replaceParts(parts, ...)
  for i, name in ipairs({ 'progress', 'result', 'error' }) do
    local line = select(i, ...)
    if line ~= '=' then
      local first = find(parts, '\n"' .. name .. '":', 1, true)
      if first then
        local after = find(parts, '\n', first + 1, true)
        parts = sub(parts, 1, first - 1) .. (after and sub(parts, after) or '')
      end
      if line ~= '' then parts = parts .. '\n' .. line end
    end
  end
  return parts
end

-- Knows the first line of a record; see record.lua.
-- Replies: none of its own

-- Its version, status (JSON), attempt, createdAt, statusAt, ttl, updatedAt or '', and where the line ends; nil: it is none.
local function control(text)
  return string.match(text,
    '^{"version":(%d+),"status":(".-"),"attempt":(%d+),"times":%[(%d+),(%-?%d+),(%d+),?(%-?%d*)%],()\n')
end

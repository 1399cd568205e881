-- Compares a job with what a call expects.
-- Replies: none of its own

-- `expected`: '<version> <createdAt> <updatedAt> <status (JSON)>', in which each may be absent; '' accepts any job. updatedAt is compared by
-- update-status.lua only.
local function conflicts(expected, version, created, status)
  if expected == '' or expected == version .. ' ' .. created .. '  ' .. status then return false end
  local ofVersion, ofCreated, ofStatus = string.match(expected, '^(%d*) (%d*) %d* (.*)$')
  return (ofVersion ~= '' and ofVersion ~= version) or (ofCreated ~= '' and ofCreated ~= created) or (ofStatus ~= '' and ofStatus ~= status)
end

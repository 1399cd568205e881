-- Compares a job with the version and time of creation that a call expects.
-- Replies: none of its own

-- `expected`: a version and a createdAt, either or both; '' accepts any.
local function conflicts(expected, version, created)
  if expected == '' or expected == version .. ' ' .. created then return false end
  local wantedVersion, wantedCreated = match(expected, '^(%d*) (%d*)$')
  return (wantedVersion ~= '' and wantedVersion ~= version) or (wantedCreated ~= '' and wantedCreated ~= created)
end

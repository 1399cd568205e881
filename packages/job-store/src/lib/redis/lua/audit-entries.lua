-- Looks for entries of jobs that are not there, and takes them out of all indexes where asked to. Expired jobs are not
-- meant: trim-expired.lua removes those. An entry is left to the first of the indexes that has it, so that it is counted once. Comes
-- after places.lua.
-- KEYS: from 9 on, the jobs' keys
-- ARGV: 1 edition of the map the caller knows, 2 '1' to mend, 3 where the entries were found: 'statuses', 'creations' or
--       'values', 4 ttl (ms) of each code, in order; from 5 on, the jobs' ids
-- Replies: { 'stale' } or { 'audited', how many were of no job, how many of them were taken out }

if metadata[1] ~= ARGV[1] then return { 'stale' } end

local ttls = {}
for ttl in string.gmatch(ARGV[4], '%d+') do ttls[#ttls + 1] = tonumber(ttl) end

-- A moment later than by the clock, since a key may expire a little before it is due.
local function isDue(score)
  local ttl = ttls[math.floor(score / 10000000000000) + 1] or 0
  return ttl > 0 and score % 10000000000000 + ttl < now + 1000
end

local function isStale(id)
  local score = redis.call('ZSCORE', KEYS[2], id)
  if ARGV[3] == 'statuses' then return score and not isDue(tonumber(score)) end
  if score then return false end
  local created = redis.call('ZSCORE', KEYS[3], id)
  if ARGV[3] == 'creations' then return created end
  return not created and fieldsOf(id) ~= ''
end

local stale, taken = 0, 0
for i = 5, #ARGV do
  if redis.call('EXISTS', KEYS[i + 4]) == 0 and isStale(ARGV[i]) then
    stale = stale + 1
    if ARGV[2] == '1' then
      unindex({ ARGV[i] })
      taken = taken + 1
    end
  end
end
return { 'audited', stale, taken }

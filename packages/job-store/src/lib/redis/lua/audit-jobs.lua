-- Holds jobs against their places in the indexes and their time to live, and gives them the right ones where asked to.
-- What a record says is right. Comes after indexes.lua and record.lua.
-- KEYS: from 9 on, the jobs
-- ARGV: 1 edition of the map the caller knows, 2 '1' to mend, 3 what the codes stand for: ttl (ms) and status (JSON), one
--       a line, 4 the fields that the caller declares, one a line; from 5 on, four of each job: 5 id, 6 version and
--       7 createdAt of the record that its fields were computed from ('': any), 8 its fields (one a line; '=' leaves them)
-- Replies: { 'stale' } or { 'audited', how many were mended, how many are no records, { id … } that were out of place,
--          { id … } that were written since they were read, and not looked at, { id … } not looked at because one script
--          may not touch more }

if metadata[1] ~= ARGV[1] then return { 'stale' } end
local repair = ARGV[2] == '1'

-- An expiry and the clock may differ by moments.
local SLACK = 1000

local codes, code = {}, 0
for meaning in string.gmatch(ARGV[3], '[^\n]+') do
  codes[meaning] = code
  code = code + 1
end

local function lines(text)
  local set = {}
  for one in string.gmatch(text, '[^\n]+') do set[one] = true end
  return set
end
local declared = lines(ARGV[4])

local function covers(a, b)
  for one in pairs(b) do
    if not a[one] then return false end
  end
  return true
end

-- Fields that only other services declare stay as they are.
local function wanted(before, computed)
  if computed == '=' then return before end
  local all = computed == '' and {} or { computed }
  for one in string.gmatch(before, '[^\n]+') do
    if not declared[string.match(one, '^[^=]*')] then all[#all + 1] = one end
  end
  return table.concat(all, '\n')
end

local function parse(text)
  local version, status, ttl, times = match(text, '^{"version":(%d+),"status":(".-"),"attempt":%d+,"ttl":(%d+),"times":%[()')
  local created = readTimes(text, times or 1)
  local entered = created and match(text, '^,(%d+)', times + #created)
  if not (version and created) then return nil end
  local job = { version = version, status = status, created = tonumber(created), entered = tonumber(entered), ttl = tonumber(ttl) }
  local ordered = job.created >= 0 and job.created < 10000000000000 and job.entered >= 0 and job.entered < 10000000000000
  return ordered and job or nil
end

local function isPlaced(id, score, created, before, fields)
  if tonumber(redis.call('ZSCORE', KEYS[2], id) or -1) ~= score then return false end
  if tonumber(redis.call('ZSCORE', KEYS[3], id) or -1) ~= created then return false end
  local has, wants = lines(before), lines(fields)
  if not (covers(has, wants) and covers(wants, has)) then return false end
  for member in pairs(membersOf(fields, int(score), int(created), id)) do
    if not redis.call('ZSCORE', fieldsKey, member) then return false end
  end
  return true
end

local function isTimed(job, left)
  if job.ttl == 0 then return left == -1 end
  return left >= 0 and math.abs(job.entered + job.ttl - now - left) <= SLACK
end

local function mend(key, text, id, job, score, fields)
  if job.ttl == 0 then
    redis.call('SET', KEYS[key], text)
  else
    redis.call('SET', KEYS[key], text, 'PXAT', int(job.entered + job.ttl))
  end
  index(id, score, job.created, fields)
  -- Where the indexes do not agree, some of these may be missing that the others speak for.
  for member in pairs(membersOf(fields, int(score), int(job.created), id)) do redis.call('ZADD', fieldsKey, 0, member) end
end

local mended, foreign, misplaced, again, unreached = 0, 0, {}, {}, {}

local function look(key, id, version, created, computed)
  if not mayTouch(KEYS[key], largestStored) then
    unreached[#unreached + 1] = id
    return
  end
  local text = redis.pcall('GET', KEYS[key])
  if not text then return end
  if type(text) == 'string' then touched = touched + #text end
  local job = type(text) == 'string' and parse(text)
  if not job then
    foreign = foreign + 1
  elseif version ~= '' and (job.version ~= version or int(job.created) ~= created) then
    again[#again + 1] = id
  elseif job.ttl > 0 and job.entered + job.ttl + SLACK < tonumber(now) then
    -- Its time is over, and no list shows it.
    misplaced[#misplaced + 1] = id
    if repair then
      redis.call('DEL', KEYS[key])
      unindex({ id })
      mended = mended + 1
    end
  else
    local code = codes[int(job.ttl) .. ' ' .. job.status]
    local score = (code or -1) * 10000000000000 + job.entered
    local before = fieldsOf(id)
    local fields = wanted(before, computed)
    if isTimed(job, redis.call('PTTL', KEYS[key])) and isPlaced(id, score, job.created, before, fields) then return end
    misplaced[#misplaced + 1] = id
    if repair and code then
      mend(key, text, id, job, score, fields)
      mended = mended + 1
    end
  end
end

for i = 5, #ARGV, 4 do look(9 + (i - 5) / 4, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) end
return { 'audited', mended, foreign, misplaced, again, unreached }

-- Ends every script that changes jobs: reads them, has each call decided, and writes what came of it. See batch.lua.
-- Each call touches its job's record. The script ends before the call with which it would touch too much; the replies to
-- that call and to all later ones are left out.
--
-- Replies: none of its own

-- What creates jobs finds nothing, as a rule, and that is sooner seen than what is there.
local fresh = ARGV[9] == '1' and redis.call('EXISTS', unpack(KEYS, 9)) == 0
local texts, foreign, last = {}, false, #KEYS
if not fresh then
  last = reach(9, largestStored)
  texts = redis.call('MGET', unpack(KEYS, 9, last))
  -- Where MGET finds nothing, there may still be something that is no text.
  local absent = {}
  for i, text in ipairs(texts) do
    if not text then absent[#absent + 1] = KEYS[8 + i] end
  end
  foreign = #absent > 0 and redis.call('EXISTS', unpack(absent)) > 0
end

-- Bytes of the largest record or message that the script meets.
local met = 0

-- Calls on the same job see what those before them decided.
local jobs, order = {}, {}
local function jobAt(place)
  local key = KEYS[place]
  local job = jobs[key]
  if not job then
    local text = texts[place - 8]
    job = {
      id = sub(key, ARGV[7]), place = place, text = text, changed = false, expires = false, score = false,
      created = false, creation = false, fields = false,
      foreign = foreign and not text and redis.call('EXISTS', KEYS[place]) == 1,
    }
    jobs[key] = job
    order[#order + 1] = job
  end
  return job
end

local reply, at = { 'done' }, calls
for place = 9, last do
  local size = #(jobAt(place).text or '')
  met = math.max(met, size)
  if place > 9 and touched + size > MOST_TOUCHED then break end
  touched = touched + size
  local final, what, detail = at + 1 + ARGV[at + 1], 'removed', ''
  if not (repeated and redis.call('ZSCORE', KEYS[8], ARGV[at + 2])) then
    what, detail = verbs[ARGV[at]](jobAt(place), unpack(ARGV, at + 2, final))
  end
  reply[#reply + 1] = what
  reply[#reply + 1] = detail or ''
  at = final + 1
end

local lasting, byStatus, byCreation, gone, goneIds = {}, {}, {}, {}, {}
for _, job in ipairs(order) do
  if job.changed and job.text then
    met = math.max(met, #job.text)
    if job.expires then
      redis.call('SET', KEYS[job.place], job.text, 'PXAT', job.expires)
    else
      lasting[#lasting + 1] = KEYS[job.place]
      lasting[#lasting + 1] = job.text
    end
    if job.score then
      byStatus[#byStatus + 1] = job.score
      byStatus[#byStatus + 1] = job.id
    end
    if job.creation then
      byCreation[#byCreation + 1] = job.creation
      byCreation[#byCreation + 1] = job.id
    end
  elseif job.changed then
    gone[#gone + 1] = KEYS[job.place]
    goneIds[#goneIds + 1] = job.id
  end
end
if #lasting > 0 then redis.call('MSET', unpack(lasting)) end
for _, job in ipairs(map[3] and order or {}) do
  if job.text and job.score then placeFields(job.id, tonumber(job.score), tonumber(job.created), job.fields or nil) end
end
if #byStatus > 0 then redis.call('ZADD', KEYS[2], unpack(byStatus)) end
if #byCreation > 0 then redis.call('ZADD', KEYS[3], unpack(byCreation)) end
if #gone > 0 then
  redis.call('DEL', unpack(gone))
  displace(goneIds)
end
if #marks > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[8], '-inf', int(now - 1000))
  redis.call('ZADD', KEYS[8], unpack(marks))
end
for _, message in ipairs(messages) do
  met = math.max(met, #message[3])
  redis.call('XADD', KEYS[7], '*', 'job', message[1], 'id', message[2], 'message', message[3])
end
-- With another edition, so that every caller knows of it before its next change: in a store of large records a script may
-- end early, and the calls after it, if they were on their way already, would come before those that it did not reach.
if met > largestStored then
  while largestStored < met do largestStored = largestStored * 2 end
  reply[1] = 'grown'
  redis.call('HSET', KEYS[1], 'largest', int(largestStored), 'edition', redis.sha1hex(map[1] .. ARGV[calls + 2]))
end
publish()
return reply

-- Ends every script that changes jobs: has each call decided, and writes what came of it. See batch.lua.
--
-- CALL: 1 operation id
-- Replies: none of its own

local keys = {}
for i = 9, #KEYS do keys[i - 8] = KEYS[i] end
local texts = redis.call('MGET', unpack(keys))

-- Where MGET finds nothing, there may still be something that is no text.
local absent = {}
for i, text in ipairs(texts) do
  if not text then absent[#absent + 1] = keys[i] end
end
local foreign = #absent > 0 and redis.call('EXISTS', unpack(absent)) > 0

-- Calls on the same job see what those before them decided.
local jobs, order = {}, {}
local function jobAt(i)
  local key = keys[i]
  if not jobs[key] then
    jobs[key] = {
      id = sub(key, ARGV[7]), key = key, place = 8 + i, text = texts[i], changed = false, expires = false,
      foreign = foreign and not texts[i] and redis.call('EXISTS', KEYS[8 + i]) == 1,
      score = false, created = false, creation = false, fields = false,
    }
    order[#order + 1] = jobs[key]
  end
  return jobs[key]
end

local reply, at = { 'done' }, 10 + 4 * ARGV[9]
for i = 1, #keys do
  reply[i + 1], at = verbs[ARGV[at]](jobAt(i), at)
end

local lasting, byStatus, byCreation, gone, goneIds = {}, {}, {}, {}, {}
for _, job in ipairs(order) do
  if job.changed and job.text then
    if job.expires then
      redis.call('SET', KEYS[job.place], job.text, 'PXAT', job.expires)
    else
      lasting[#lasting + 1] = job.key
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
    gone[#gone + 1] = job.key
    goneIds[#goneIds + 1] = job.id
  end
end
if #lasting > 0 then redis.call('MSET', unpack(lasting)) end
for _, job in ipairs(map[3] and order or {}) do
  if job.text and job.score then placeFields(job.id, tonumber(job.score), job.created, job.fields or nil) end
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
  redis.call('XADD', KEYS[7], '*', 'job', message[1], 'id', message[2], 'message', message[3])
end
publish()
return reply

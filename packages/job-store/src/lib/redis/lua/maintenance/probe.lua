-- Tries commands one by one, and says which of them the server refuses. What is tried changes nothing; see probe.ts.
-- KEYS: those that the attempts name
-- ARGV: 1 attempts (JSON): of each its command and arguments, a number standing for the key at that place
-- Replies: { 'tried', place of an attempt, what the server said to it, … }

local refusals = { 'tried' }
for place, attempt in ipairs(cjson.decode(ARGV[1])) do
  for i, part in ipairs(attempt) do
    if type(part) == 'number' then attempt[i] = KEYS[part] end
  end
  local reply = redis.pcall(unpack(attempt))
  if type(reply) == 'table' and reply.err then
    refusals[#refusals + 1] = place
    refusals[#refusals + 1] = reply.err
  end
end
return refusals

-- Runs commands one by one, and returns the errors of those that fail. No command changes anything; see permission-probe.ts.
-- KEYS: keys of the commands
-- ARGV: 1 commands (JSON): an array of name and arguments for each, in which a number is the position of a key
-- Replies: { 'probed', position of a command, error of the command, … }

local errors = { 'probed' }
for position, command in ipairs(cjson.decode(ARGV[1])) do
  for i, part in ipairs(command) do
    if type(part) == 'number' then command[i] = KEYS[part] end
  end
  local reply = redis.pcall(unpack(command))
  if type(reply) == 'table' and reply.err then
    errors[#errors + 1] = position
    errors[#errors + 1] = reply.err
  end
end
return errors

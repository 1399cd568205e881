-- Removes a value that is no record, if it is still there. No index knows of it.
-- ARGV: 5 the value
-- Replies: { 'dropped' } { 'changed' }  something else is there now, or nothing

if redis.call('GET', KEYS[8]) ~= ARGV[5] then return { 'changed' } end
redis.call('DEL', KEYS[8])
return { 'dropped' }

r"""The Lua that runs before any script of a client: the limits, and what is left of Lua.

Written so that no script can hang or end the process:

* a hook counts instructions, and looks at processor time and memory; once a limit is
  passed neither ``pcall`` nor ``xpcall`` of the script catches the error;
* handlers of ``xpcall`` run after the stack is unwound, and nothing has a ``__gc``: Lua
  runs both without hooks otherwise;
* functions of the C library that can take for ever in one call (patterns that backtrack,
  repetitions of nothing, insertion far below a table) are bounded by their arguments;
* globals of a client are not those of the Lua state;
* a client never holds a Python object: it sees closures over them, and what it passes in
  is a text, a number, a boolean or nil.
"""

PRELUDE = r"""
local max_steps, max_seconds, max_kilobytes, emit, digits, refuse = ...
local STRIDE = 100              -- instructions between two looks at the limits
local MAX_PATTERN = 500         -- characters; each may be a level of C recursion
local MAX_BACKTRACKING = 2e8    -- steps of the pattern matcher: about a second

local type, error, tostring, tonumber, rawpcall, unpack, select, setmetatable =
      type, error, tostring, tonumber, pcall, unpack, select, setmetatable
local sethook, clock, collect, loadstring = debug.sethook, os.clock, collectgarbage, loadstring
local find, gsub, gmatch, match, rep, format, byte, sub =
      string.find, string.gsub, string.gmatch, string.match, string.rep, string.format,
      string.byte, string.sub
local concat, insert, remove, sort = table.concat, table.insert, table.remove, table.sort
local setfenv = setfenv

local tripped, steps, deadline = nil, 0, 0

local function check()
  if not tripped and clock() > deadline then tripped = "time limit reached" end
  if not tripped and collect("count") > max_kilobytes then
    collect()
    if collect("count") > max_kilobytes then tripped = "not enough memory" end
  end
  if tripped then error(tripped, 0) end
end

local function hook()
  steps = steps + STRIDE
  if steps > max_steps then tripped = tripped or "instruction limit reached" end
  check()
end

-- What a client may use of Lua itself. Its globals are a table of their own: a metatable
-- on the real ones would be asked by lupa, outside of all limits.
local globals = {}
for name in gmatch("_VERSION assert error getmetatable ipairs math next pairs rawequal " ..
    "rawget rawset select setmetatable string table tonumber tostring type unpack", "%S+") do
  globals[name] = _G[name]
end
globals._G = globals
string.dump = nil
getmetatable("").__metatable = false

local function rethrow(...)
  if tripped then error(tripped, 0) end
  return ...
end

function globals.pcall(f, ...) return rethrow(rawpcall(f, ...)) end

function globals.xpcall(f, handler)
  local function handled(ok, ...)
    if ok then return ok, ... end
    return false, handler(...)
  end
  return handled(rethrow(rawpcall(f)))
end

function globals.collectgarbage(option)
  check()
  if option == "count" then return collect("count") end
  if option ~= nil and option ~= "collect" then error("option not allowed", 2) end
  return collect("collect")
end

function globals.loadstring(source, name)
  if type(source) ~= "string" then error("string expected", 2) end
  if byte(source) == 27 then return nil, "compiled scripts are not allowed" end
  check()
  local chunk, problem = loadstring(source, name)
  if not chunk then return nil, problem end
  return setfenv(chunk, globals)
end

local function bounded(subject, pattern)
  check()
  if type(subject) == "number" then subject = tostring(subject) end
  if type(pattern) == "number" then pattern = tostring(pattern) end
  if type(subject) ~= "string" or type(pattern) ~= "string" then return end
  if #pattern > MAX_PATTERN then error("pattern too long", 3) end
  local bare = gsub(gsub(pattern, "%%.", "x"), "%[%^?%]?[^%]]*%]", "x")
  local _, loops = gsub(bare, "[*+-]", "")
  local _, choices = gsub(bare, "%?", "")
  if byte(pattern) ~= 94 then loops = loops + 1 end
  if #pattern * (#subject + 1) ^ loops * 2 ^ choices > MAX_BACKTRACKING then
    error("pattern too complex for a string of this length", 3)
  end
end

function string.find(s, p, init, plain)
  if plain then check() else bounded(s, p) end
  return find(s, p, init, plain)
end
function string.match(s, p, init) bounded(s, p) return match(s, p, init) end
function string.gsub(s, p, r, n) bounded(s, p) return gsub(s, p, r, n) end
function string.gmatch(s, p)
  bounded(s, p)
  local step = gmatch(s, p)
  return function() check() return step() end
end
string.gfind = string.gmatch

function string.rep(s, n)
  check()
  if type(s) == "number" then s = tostring(s) end
  if type(s) == "string" and type(n) == "number" then
    if s == "" then return "" end
    if #s * n > max_kilobytes * 1024 then error("not enough memory", 2) end
  end
  return rep(s, n)
end

function string.format(...) check() return format(...) end
function table.concat(...) check() return concat(...) end
function table.sort(...) check() return sort(...) end
function table.remove(...) check() return remove(...) end
function table.insert(t, ...)
  check()
  if select("#", ...) > 1 and type(t) == "table" then
    local place = tonumber((...))
    if not place or place < 1 or place > #t + 1 then error("position out of bounds", 2) end
  end
  return insert(t, ...)
end

-- Numbers as the instrument prints them, in all answers.
local function show(value)
  if type(value) == "number" then return format("%." .. digits() .. "e", value) end
  return tostring(value)
end

function globals.print(...)
  local parts = {...}
  for i = 1, select("#", ...) do parts[i] = show(parts[i]) end
  check()
  emit(concat(parts, "\t"))
end

-- The objects of the instrument: each a table that only shows what was installed in it.
local function plain(...)
  local values = {...}
  for i = 1, select("#", ...) do
    local kind = type(values[i])
    if kind ~= "string" and kind ~= "number" and kind ~= "boolean" and kind ~= "nil" then
      values[i] = "<" .. kind .. ">"
    end
  end
  return unpack(values, 1, select("#", ...))
end

local function wrap(call)
  return function(...) check() return call(plain(...)) end
end

local function new_object(path)
  local object = {members = {}, readers = {}, writers = {}}
  object.proxy = setmetatable({}, {
    __index = function(_, key)
      local member = object.members[key]
      if member ~= nil then return member end
      local reader = object.readers[key]
      if reader then return reader() end
    end,
    __newindex = function(_, key, value)
      local writer = object.writers[key]
      if writer then writer(value) else check() refuse(path .. "." .. show(key)) end
    end,
    __metatable = false,
  })
  return object
end

local objects = {[""] = {members = globals}}

local function object_at(path)
  if not objects[path] then
    local parent, name = match(path, "^(.-)%.?([^.]+)$")
    objects[path] = new_object(path)
    object_at(parent).members[tonumber(name) or name] = objects[path].proxy
  end
  return objects[path]
end

local function install(path, kind, value)
  local parent, name = match(path, "^(.-)%.?([^.]+)$")
  local object = object_at(parent)
  if kind == "constant" then object.members[name] = value
  elseif kind == "function" then object.members[name] = wrap(value)
  elseif kind == "read" then object.readers[name] = wrap(value)
  else object.writers[name] = wrap(value) end
end

local function run(source)
  tripped, steps, deadline = nil, 0, clock() + max_seconds
  local chunk, problem = loadstring(source, "=script")
  if not chunk then return "syntax", problem end
  setfenv(chunk, globals)
  sethook(hook, "", STRIDE)
  local ok, reason = rawpcall(chunk)
  sethook()
  if tripped then return "runtime", tripped end
  if ok then return "", "" end
  if type(reason) ~= "string" then reason = "error object is a " .. type(reason) end
  return "runtime", reason
end

-- For Lua that belongs to the instrument itself, such as reading buffers.
local function install_lua(source, name, ...)
  local chunk, problem = loadstring(source, "=" .. name)
  if not chunk then error(problem) end
  chunk({check = check, emit = emit, show = show, plain = plain, refuse = refuse,
         format = format, concat = concat, unpack = unpack, object_at = object_at}, ...)
end

return run, install, install_lua
"""

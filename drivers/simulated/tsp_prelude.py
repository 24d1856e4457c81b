r"""The Lua that runs before any script of a client: the limits, and what is left of Lua.

Written so that no script can hang or end the process:

* a hook counts instructions, and looks at processor time and memory; once a limit is
  passed neither ``pcall`` nor ``xpcall`` of the script catches the error;
* handlers of ``xpcall`` run after the stack is unwound, and nothing has a ``__gc``: Lua
  runs both without hooks otherwise;
* functions of the C library and the compiler run without hooks: the library is bounded in
  `tsp_library`, scripts have a longest length;
* globals of a client are not those of the Lua state;
* a client never holds a Python object: it sees closures over them, and what it passes in
  is a text, a number, a boolean or nil.
"""

PRELUDE = r"""
local library, max_steps, max_seconds, max_kilobytes, raw_emit, raw_digits, raw_refuse = ...
local STRIDE = 100              -- instructions between two looks at the limits
local MAX_SOURCE = 2 ^ 18       -- characters; the compiler's time may grow with their square

local type, error, tostring, tonumber, rawpcall, unpack, select, setmetatable, setfenv =
      type, error, tostring, tonumber, pcall, unpack, select, setmetatable, setfenv
local sethook, clock, collect, loadstring = debug.sethook, os.clock, collectgarbage, loadstring
local gmatch, match, format, byte, concat =
      string.gmatch, string.match, string.format, string.byte, table.concat

local tripped, steps, deadline = nil, 0, math.huge

local function check()
  if not tripped and clock() > deadline then tripped = "time limit reached" end
  if not tripped and collect("count") > max_kilobytes then
    collect()
    if collect("count") > max_kilobytes then tripped = "not enough memory" end
  end
  if tripped then error(tripped, 0) end
end

-- Every call of Python comes after a look at the limits: with memory near its end it could
-- not hand over its result (see the headroom in the sandbox).
local function checked(call)
  return function(...) check() return call(...) end
end
local emit, digits, refuse = checked(raw_emit), checked(raw_digits), checked(raw_refuse)

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
  if #source > MAX_SOURCE then return nil, "script too long" end
  check()
  local chunk, problem = loadstring(source, name)
  if not chunk then return nil, problem end
  return setfenv(chunk, globals)
end

loadstring(library, "=library")(check, max_kilobytes)

-- Numbers as the instrument prints them, in all answers.
local function show(value)
  if type(value) == "number" then return format("%." .. digits() .. "e", value) end
  return tostring(value)
end

function globals.print(...)
  local parts = {...}
  for i = 1, select("#", ...) do parts[i] = show(parts[i]) end
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
      if writer then writer(value) else refuse(path .. "." .. show(key)) end
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

-- Calls what a client wrote, within the limits; returns the kind of an error, and its reason.
local function limited(call, ...)
  tripped, steps, deadline = nil, 0, clock() + max_seconds
  sethook(hook, "", STRIDE)
  local ok, reason = rawpcall(call, ...)
  sethook()
  if tripped then return "runtime", tripped end
  if ok then return "", "" end
  if type(reason) ~= "string" then reason = "error object is a " .. type(reason) end
  return "runtime", reason
end

local function run(source)
  local chunk, problem = loadstring(source, "=script")
  if not chunk then return "syntax", problem end
  return limited(setfenv(chunk, globals))
end

-- For Lua that belongs to the instrument itself, such as reading buffers. What it returns
-- is entered by its name.
local entries = {}

local function install_lua(source, name, ...)
  local chunk, problem = loadstring(source, "=" .. name)
  if not chunk then error(problem) end
  local calls = {...}
  for i = 1, #calls do calls[i] = checked(calls[i]) end
  local tools = {check = check, emit = emit, show = show, concat = concat, match = match,
                 load = globals.loadstring, object_at = object_at}
  entries[name] = chunk(tools, unpack(calls))
end

local function enter(name, ...) return limited(entries[name], ...) end

return run, install, install_lua, enter
"""

"""Reading buffers, ``printbuffer``, ``dmm.measure`` and the loop of a scan, in Lua.

Buffers live in the Lua state: its memory limit bounds them, its collector frees them.
3700A Reference Manual, sections 6 and 11 and 13-146.
"""

BUFFERS = r"""
local tools, take, measure_count, stamp, fail, scan_begin, scan_step, scan_end = ...
local check, show = tools.check, tools.show
local CAPACITY = 650000
local NO_READING = 9.91e37

local buffers = setmetatable({}, {__mode = "k"})   -- data by what the script holds
local columns = setmetatable({}, {__mode = "k"})   -- function(i) by a column of a buffer

local function new_column(get)
  local proxy = setmetatable({}, {
    __index = function(_, i) return get(i) end,
    __newindex = function() fail("reading buffers cannot be assigned to") end,
    __metatable = false,
  })
  columns[proxy] = get
  return proxy
end

local function new_buffer(capacity)
  local data = {n = 0, value = {}, time = {}, channel = {}, flags = {}, append = 0, stamps = 1}
  data.clear = function()
    data.n, data.value, data.time, data.channel = 0, {}, {}, {}
  end
  local function value(i) return data.value[i] end
  local function relative(i)
    if data.time[i] then return data.time[i] - data.time[1] end
  end
  local function timestamp(i) if data.time[i] then return stamp(data.time[i]) end end
  local function status(i) if data.value[i] then return 0 end end
  local function channel(i) return data.channel[i] end
  local members = {
    capacity = capacity, clear = data.clear, clearcache = function() end,
    readings = new_column(value), relativetimestamps = new_column(relative),
    timestamps = new_column(timestamp), statuses = new_column(status),
    channels = new_column(channel),
  }
  local proxy = setmetatable({}, {
    __index = function(_, key)
      if key == "n" then return data.n end
      if key == "appendmode" then return data.append end
      if key == "collecttimestamps" then return data.stamps end
      if members[key] ~= nil then return members[key] end
      return value(key)
    end,
    __newindex = function(_, key, new)
      if (key == "appendmode" or key == "collecttimestamps") and (new == 0 or new == 1) then
        if data.n > 0 then fail("clear the reading buffer first") return end
        if key == "appendmode" then data.append = new else data.stamps = new end
      else
        fail("cannot assign to this attribute of a reading buffer")
      end
    end,
    __len = function() return data.n end,
    __metatable = false,
  })
  columns[proxy], buffers[proxy] = value, data
  data.capacity = capacity
  return proxy
end

local function store(data, value, seconds, channel)
  if data.n >= data.capacity then fail("reading buffer is full") return false end
  data.n = data.n + 1
  data.value[data.n], data.channel[data.n] = value, channel
  if data.stamps == 1 then data.time[data.n] = seconds end
  return true
end

local function measure(data, count)
  local value, seconds, channel
  for _ = 1, count do
    check()
    value, seconds, channel = take()
    if value == nil then return nil end
    if data and not store(data, value, seconds, channel) then return value end
  end
  return value
end

local function data_of(buffer)
  if buffer == nil then return nil, true end
  if not buffers[buffer] then fail("not a reading buffer") return nil, false end
  return buffers[buffer], true
end

local dmm = tools.object_at("dmm").members
function dmm.makebuffer(capacity)
  check()
  if type(capacity) ~= "number" or not (capacity >= 1 and capacity <= CAPACITY) then
    fail("reading buffer size must be 1 to " .. CAPACITY)
    return nil
  end
  return new_buffer(capacity - capacity % 1)
end

function dmm.measure(buffer)
  check()
  local data, ok = data_of(buffer)
  if not ok then return nil end
  if data and data.append == 0 then data.clear() end
  return measure(data, measure_count())
end

local root = tools.object_at("").members
root.makebuffer = dmm.makebuffer

function root.printbuffer(first, last, ...)
  check()
  local gets = {...}
  if type(first) ~= "number" or type(last) ~= "number" or #gets == 0 then
    fail("printbuffer takes two numbers and reading buffers")
    return
  end
  for k = 1, #gets do
    gets[k] = columns[gets[k]]
    if not gets[k] then fail("not a reading buffer") return end
  end
  local parts = {}
  for i = first, last do
    for k = 1, #gets do
      local item = gets[k](i)
      if item == nil then item = NO_READING end
      parts[#parts + 1] = show(item)
    end
  end
  check()
  tools.emit(tools.concat(parts, ", "))
end

function root.printnumber(...)
  local parts = {...}
  for k = 1, #parts do parts[k] = show(parts[k]) end
  check()
  tools.emit(tools.concat(parts, ", "))
end

local scan = tools.object_at("scan").members
local function execute(buffer)
  check()
  local data, ok = data_of(buffer)
  if not ok then return nil end
  local steps, scans, count = scan_begin()
  if not steps then return nil end
  if data and data.append == 0 then data.clear() end
  for _ = 1, scans do
    for step = 1, steps do
      check()
      local measures = scan_step(step)
      if measures == nil then return scan_end(false) end
      if measures and measure(data, count) == nil then return scan_end(false) end
    end
  end
  return scan_end(true)
end
scan.execute, scan.background = execute, execute
"""

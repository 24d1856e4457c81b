"""Lua's library of strings and tables, so that no call of it takes for ever.

The functions are C and run without hooks, so no limit would stop them. Where one call can
take for ever (patterns that backtrack, repetitions of nothing, tables whose length is a
fiction), its arguments are bounded before.
"""

LIBRARY = r"""
local check, max_kilobytes = ...
local MAX_PATTERN = 500         -- characters; each may be a level of C recursion
local MAX_BACKTRACKING = 2e8    -- steps of the pattern matcher: about a second

local type, error, tostring, tonumber, select, rawget =
      type, error, tostring, tonumber, select, rawget
local find, gsub, gmatch, match, rep, format, sub =
      string.find, string.gsub, string.gmatch, string.match, string.rep, string.format,
      string.sub
local concat, insert, remove, sort = table.concat, table.insert, table.remove, table.sort

-- How often a pattern can repeat a character, try both ways, or scan the subject: what its
-- matching multiplies with. It reads the pattern as the matcher does.
local function difficulty(pattern)
  local loops, choices, i = 0, 0, 1
  while i <= #pattern do
    local char, following = sub(pattern, i, i), sub(pattern, i + 1, i + 1)
    if char == "%" then
      if find(following, "[b%d]") then loops = loops + 1 end
      i = i + (following == "b" and 4 or 2)
    elseif char == "[" then
      i = i + (following == "^" and 2 or 1)
      repeat i = i + (sub(pattern, i, i) == "%" and 2 or 1)
      until i > #pattern or sub(pattern, i, i) == "]"
      i = i + 1
    else
      if find(char, "[*+-]") then loops = loops + 1 end
      if char == "?" then choices = choices + 1 end
      i = i + 1
    end
  end
  return loops, choices
end

local function bounded(subject, pattern, anchor)
  check()
  if type(subject) == "number" then subject = tostring(subject) end
  if type(pattern) == "number" then pattern = tostring(pattern) end
  if type(subject) ~= "string" or type(pattern) ~= "string" then return end
  if #pattern > MAX_PATTERN then error("pattern too long", 3) end
  local loops, choices = difficulty(pattern)
  if sub(pattern, 1, 1) ~= anchor then loops = loops + 1 end
  if #pattern * (#subject + 1) ^ loops * 2 ^ choices > MAX_BACKTRACKING then
    error("pattern too complex for a string of this length", 3)
  end
end

function string.find(s, p, init, plain)
  if not plain then bounded(s, p, "^")
  elseif #tostring(s) * #tostring(p) > MAX_BACKTRACKING then error("text too long", 2)
  else check() end
  return find(s, p, init, plain)
end
function string.match(s, p, init) bounded(s, p, "^") return match(s, p, init) end
function string.gsub(s, p, r, n) bounded(s, p, "^") return gsub(s, p, r, n) end
function string.gmatch(s, p)
  bounded(s, p)  -- which knows no anchor
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

-- The length of a table is any border of it: a script can make it far greater than what the
-- table holds, and the C library walks up to it.
local function bounded_table(t)
  check()
  if type(t) == "table" and #t > max_kilobytes * 64 then error("table too long", 3) end
end

function table.sort(t, less)
  bounded_table(t)
  local counted = function(a, b) return a < b end  -- in Lua: its instructions are counted
  if less ~= nil then counted = function(a, b) return less(a, b) end end
  return sort(t, counted)
end
function table.remove(t, ...) bounded_table(t) return remove(t, ...) end
function table.insert(t, ...)
  bounded_table(t)
  if select("#", ...) > 1 and type(t) == "table" then
    local place = tonumber((...))
    if not place or place < 1 or place > #t + 1 then error("position out of bounds", 2) end
  end
  return insert(t, ...)
end
function table.foreachi(t, call)
  for i = 1, #t do
    local found = call(i, rawget(t, i))
    if found ~= nil then return found end
  end
end
"""

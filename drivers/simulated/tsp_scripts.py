"""Named and anonymous scripts, and the ``script`` object, in Lua.

3700A Reference Manual, sections 10 and 11. A script is loaded between the messages
``loadscript name`` and ``endscript``, or by ``script.new``. Saved ones outlive the Lua state.
Nothing here is ever switched on, so that nothing runs a script whose ``autorun`` is "yes".
"""

import re
from collections.abc import Callable

from labsyn.drivers.simulated.tsp_errors import (
    PARAMETER,
    SETTINGS_CONFLICT,
    TspError,
    text_argument,
)
from labsyn.drivers.simulated.tsp_sandbox import LONGEST_MESSAGE

_LOAD = re.compile(r"\s*(loadscript|loadandrunscript)(?:\s+(\S+))?\s*", re.ASCII)
_CAPACITY = 1 << 20  # characters of all saved scripts: a choice

SCRIPTS = r"""
local tools, stored, keep, forget, refuse_syntax, fail = ...
local emit = tools.emit
local root, script = tools.object_at("").members, tools.object_at("script").members
local user = tools.object_at("script.user").members
local scripts = setmetatable({}, {__mode = "k"})   -- data by what a client holds
user.scripts = {}

local function run(proxy)
  local data = scripts[proxy]
  if not data then fail("not a script") return end
  return data.chunk()
end

local function set_name(proxy, name)
  local data = scripts[proxy]
  if user.scripts[data.name] == proxy then user.scripts[data.name] = nil end
  data.name = name
  if name ~= "" then user.scripts[name] = proxy end
end

local function set_source(data, source)
  local chunk, problem = tools.load(source, "=" .. (data.name == "" and "script" or data.name))
  if not chunk then refuse_syntax(problem) return false end
  data.source, data.chunk = source, chunk
  return true
end

local function create(source, name, autorun)
  if type(source) ~= "string" or type(name) ~= "string" then fail("expected texts") return end
  if name ~= "" and not tools.match(name, "^[%a_][%w_]*$") then
    fail("invalid script name")
    return
  end
  local data = {name = name, autorun = autorun or "no"}
  if not set_source(data, source) then return end
  local proxy
  local members = {
    run = function() return run(proxy) end,
    save = function() keep(data.name, data.source, data.autorun) end,
    list = function()
      emit("loadscript " .. data.name .. "\n" .. data.source .. "\nendscript")
    end,
  }
  proxy = setmetatable({}, {
    __call = run,
    __index = function(_, key)
      if key == "name" or key == "source" or key == "autorun" then return data[key] end
      return members[key]
    end,
    __newindex = function(_, key, value)
      if key == "autorun" and (value == "yes" or value == "no") then data.autorun = value
      elseif key == "name" and type(value) == "string" then set_name(proxy, value)
      elseif key == "source" and type(value) == "string" then set_source(data, value)
      else fail("cannot assign this to a script") end
    end,
    __metatable = false,
  })
  scripts[proxy] = data
  if name ~= "" then
    local former = user.scripts[name]
    if former and scripts[former] then set_name(former, "") end
    user.scripts[name] = proxy
    rawset(root, name, proxy)
  end
  return proxy
end

function script.new(source, name) return create(source, name or "") end
function script.newautorun(source, name) return create(source, name or "", "yes") end
function script.run()
  if script.anonymous == nil then fail("there is no anonymous script") return end
  return run(script.anonymous)
end
function script.delete(name)
  local proxy = user.scripts[name]
  if proxy == nil and stored(name) == nil then fail("there is no such script") return end
  if proxy ~= nil then
    if rawget(root, name) == proxy then rawset(root, name, nil) end
    user.scripts[name] = nil
  end
  forget(name)
end
function script.restore(name)
  local source, autorun = stored(name)
  if source == nil then fail("script was not saved") return end
  return create(source, name, autorun)
end
function script.load() fail("no USB flash drive") end
function user.catalog()
  local name
  return function()
    name = stored(nil, name)
    return name
  end
end

for name in user.catalog() do script.restore(name) end

-- What `loadscript` and `loadandrunscript` do once the script is complete.
return function(name, source, and_run)
  local proxy = create(source, name)
  if not proxy then return end
  if name == "" then script.anonymous = proxy end
  if and_run then run(proxy) end
end
"""


class SavedScripts:
    """The nonvolatile memory for scripts."""

    def __init__(self) -> None:
        self._saved: dict[str, tuple[str, str]] = {}  # source and autorun

    def find(self, name: object, after: object = None) -> tuple[str, str] | str | None:
        """Return source and autorun of `name`; without a name, the name `after` another."""
        if name is not None:
            return self._saved.get(str(name))
        names = sorted(self._saved)
        return next((n for n in names if after is None or n > str(after)), None)

    def keep(self, name: str, source: str, autorun: str) -> None:
        """Save a script; one that has no name cannot be saved."""
        if not name:
            raise TspError(PARAMETER, "a script needs a name to be saved")
        others = sum(len(text) for key, (text, _) in self._saved.items() if key != name)
        if others + len(source) > _CAPACITY:
            raise TspError(SETTINGS_CONFLICT, "no memory left for scripts")
        self._saved[name] = (source, autorun)

    def forget(self, name: object) -> None:
        """Remove a script, if it is there."""
        self._saved.pop(text_argument(name, "script name"), None)


class ScriptLoader:
    """Collects the messages between ``loadscript`` and ``endscript``.

    Parameters
    ----------
    load : callable
        Takes name (empty for the anonymous script), source, and whether to run it.
    """

    def __init__(self, load: Callable[[str, str, bool], None]) -> None:
        self._load = load
        self.clear()

    def clear(self) -> None:
        """Forget a script that has not ended."""
        self._loading = False
        self._name, self._and_run, self._source = "", False, ""

    def take(self, message: str) -> bool:
        """Take one message; return whether it was part of loading a script."""
        if not self._loading:
            match = _LOAD.fullmatch(message)
            if match:
                self._loading = True
                self._name, self._and_run = match[2] or "", match[1] == "loadandrunscript"
            return match is not None
        if message.strip() == "endscript":
            name, and_run = self._name, self._and_run
            source = self._source.removesuffix("\n")
            self.clear()
            self._load(name, source, and_run)
        elif len(self._source) <= LONGEST_MESSAGE:  # longer, it will be refused
            self._source += message + "\n"
        return True

-- What the dialplan, a key of the telephone, and fs_cli ask of Phonograph. Put this file into FreeSWITCH's scripts folder.
--
--   in the dialplan      lua recorder.lua pause|resume|start|stop [NAME] recorder.xml wraps it
--                        lua recorder.lua decide|socket
--   for a key            luarun recorder.lua key VERB UUID               recorder.xml binds it by bind_digit_action
--                        lua recorder.lua key VERB                       docs/freeswitch.md binds it by bind_meta_app
--   on the console       fs_cli -x "alias stickyadd recorder lua recorder.lua", once; then
--                        fs_cli -x "recorder pause UUID reason=card"     resume, start, stop, status as well; server=NAME
--
-- No call fails by it, with Phonograph running or not. A pause waits half a second at most for the answer; without one this
-- script ends Phonograph's recordings of the call itself.

local PATIENCE = 500        -- milliseconds that a call waits for an answer
local DECIDE_PATIENCE = 300 -- the same, before it is answered
local CONSOLE_PATIENCE = 2000
local FOLDER = "/phonograph/" -- what the path of each of Phonograph's recordings has, and of nobody else's
local UUID = "%x+%-%x+%-%x+%-%x+%-%x+"
local VERBS = {pause = true, resume = true, start = true, stop = true}

local api = freeswitch.API()

local function now()
    return tonumber(api:getTime())
end

local function get(uuid, name)
    local value = api:execute("uuid_getvar", uuid .. " " .. name)
    if value == nil or value == "_undef_" or value:sub(1, 4) == "-ERR" then
        return ""
    end
    return value
end

local function set(uuid, name, value)
    api:execute("uuid_setvar", uuid .. " " .. name .. " " .. value)
end

local function get_global(name)
    return (api:execute("global_getvar", name) or ""):match("^[%w/-]+$") or ""
end

-- ---- A pause's mark -----------------------------------------------------------------------------------------------
-- recorder_pause on the channel has the owners whose pause holds, joined by &. Phonograph reads it whenever it looks: a call
-- that was paused while Phonograph was away stays untapped after its return.

local function mark(uuid, owner, holds)
    local owners = {}
    for one in get(uuid, "recorder_pause"):gmatch("[^&]+") do
        if one ~= owner then
            owners[#owners + 1] = one
        end
    end
    if holds then
        owners[#owners + 1] = owner
    end
    set(uuid, "recorder_pause", table.concat(owners, "&"))
end

-- ---- Ending the recordings without anybody's help ------------------------------------------------------------------

-- Every leg that can hear this one: who it is bridged with, the other half of a loopback channel, who is in the same
-- conference; and those conferences' names.
local function connected(uuid)
    local found, open, rooms = {}, {uuid}, {}
    while #open > 0 do
        local leg = table.remove(open)
        if not found[leg] then
            found[leg] = true
            for _, name in ipairs({"signal_bond", "other_loopback_leg_uuid"}) do
                local other = get(leg, name)
                if other:match("^" .. UUID .. "$") then
                    open[#open + 1] = other
                end
            end
            local room = get(leg, "conference_name"):match("^[%w_.+-]+$")
            if room and not rooms[room] then
                rooms[room] = true
                for member in (api:execute("conference", room .. " list") or ""):gmatch(";(" .. UUID .. ");") do
                    open[#open + 1] = member
                end
            end
        end
    end
    return found, rooms
end

-- Ends what is Phonograph's there; returns whether there was something.
local function untap(uuid)
    local legs, rooms = connected(uuid)
    local any = false
    for leg in pairs(legs) do
        for path in (api:execute("uuid_buglist", leg) or ""):gmatch("<target>([^<]*)</target>") do
            if path:find(FOLDER, 1, true) then
                any = true
                -- Masked, else FreeSWITCH 1.11 may write 20 ms of its own memory at the end.
                api:execute("uuid_record", leg .. " mask '" .. path .. "'")
                api:execute("uuid_record", leg .. " stop '" .. path .. "'")
            end
        end
    end
    for room in pairs(rooms) do
        -- Not chkrecord: when one of two recordings has been stopped, it says that there is none.
        for path in (api:execute("conference", room .. " xml_list") or ""):gmatch("<record_path>([^<]*)</record_path>") do
            if path:find(FOLDER, 1, true) then
                any = true
                api:execute("conference", room .. " norecord " .. path)
            end
        end
    end
    return any
end

-- "ended", or "no" when a recording is still there after five rounds.
local function ended(uuid, wait)
    for _ = 1, 5 do
        if not untap(uuid) then
            return "ended"
        end
        wait(20)
    end
    return "no"
end

-- ---- Asking -------------------------------------------------------------------------------------------------------

-- Asks, and waits for the answer if `wait` is given: "confirmed", "forced", "refused", or nil without one in time. The ticket
-- tells it from the late answer to an earlier question.
local function ask(uuid, verb, headers, wait)
    local ticket = (tonumber(get(uuid, "recorder_ticket")) or 0) % 99999 + 1
    set(uuid, "recorder_ticket", ticket)
    set(uuid, "recorder_answer", "")
    local event = freeswitch.Event("CUSTOM", "recorder::" .. verb)
    event:addHeader("Unique-ID", uuid)
    event:addHeader("Recorder-Ticket", tostring(ticket))
    for name, value in pairs(headers) do
        if value ~= "" then
            event:addHeader("Recorder-" .. name, value)
        end
    end
    event:fire()
    if not wait then
        return nil
    end
    local patience = now() + PATIENCE
    repeat
        wait(10)
        local word, given = get(uuid, "recorder_answer"):match("^(%a+) (%d+)$")
        if tonumber(given) == ticket then
            return word
        end
    until now() > patience
    return nil
end

-- For one recording server the mark comes only where that was not confirmed: then everything is paused.
local function paused(uuid, owner, headers, wait)
    local held = owner
    if headers.Server then
        held = owner .. "-" .. headers.Server
    else
        mark(uuid, held, true)
    end
    headers.Owner = owner
    local answer = ask(uuid, "pause", headers, wait)
    if answer == "confirmed" then
        return answer
    end
    if headers.Server then
        mark(uuid, held, true)
    end
    if answer == "refused" and headers.Actor == "party" then
        mark(uuid, held, false)
        return answer
    end
    return ended(uuid, wait)
end

local function in_the_dialplan(verb, name)
    local uuid = session:get_uuid()
    local function wait(milliseconds)
        -- Frames are read meanwhile: what piled up here would be heard, and recorded, later.
        session:sleep(milliseconds)
    end
    local owner = get(uuid, "recorder_owner"):lower():gsub("[^a-z0-9_-]", "")
    owner = owner ~= "" and owner or "ivr"
    local server = name and name ~= "" and (name:match("^[a-z0-9_-]+$") or "unknown") or nil
    if verb == "pause" then
        local headers = {Server = server, Reason = get(uuid, "recorder_reason"):gsub("[^%a ]", ""),
                         Longest = get(uuid, "recorder_longest"):gsub("[^%d.]", ""),
                         Then = get(uuid, "recorder_then"):gsub("[^a-z]", "")}
        set(uuid, "recorder_paused", paused(uuid, owner, headers, wait))
    else
        if verb == "resume" then
            mark(uuid, server and owner .. "-" .. server or owner, false)
            set(uuid, "recorder_paused", "")
        end
        ask(uuid, verb, {Owner = owner, Server = server})
    end
end

-- Waits until the decision is in the variables of the channel; recorder_decision is "unknown" if it is not in time.
local function decide()
    local uuid = session:get_uuid()
    set(uuid, "recorder_decision", "")
    local event = freeswitch.Event("CUSTOM", "recorder::decide")
    event:addHeader("Unique-ID", uuid)
    event:addHeader("Recorder-Record", get(uuid, "recorder_record"))
    event:fire()
    local patience = now() + DECIDE_PATIENCE
    repeat
        if session:mediaReady() then
            session:sleep(10)
        else
            freeswitch.msleep(2) -- there is no audio yet that could pile up
        end
        if get(uuid, "recorder_decision") ~= "" then
            return
        end
    until now() > patience
    set(uuid, "recorder_decision", "unknown")
end

-- The same over an outbound connection. `socket` knows no time-out: the call goes into it under a guard, another thread that
-- takes it out by a transfer.
local function decide_by_socket()
    local uuid = session:get_uuid()
    set(uuid, "recorder_decision", "unknown")
    if get(uuid, "recorder_next") == "" then
        freeswitch.consoleLog("warning", "recorder: decide-socket needs recorder_next\n")
        return
    end
    -- Phonograph changes its lease every two seconds. While it has not done so since a call had to be taken out, no other call
    -- is let in: they would fill the queue of those who wait to be accepted, and a call that cannot enter it cannot be taken
    -- out.
    local lease = get_global("RECORDER_LEASE")
    if lease == "" or lease == "free" or lease == get_global("RECORDER_SOCKET_LATE") then
        return
    end
    set(uuid, "recorder_decision", "")
    set(uuid, "recorder_guard", "on")
    set(uuid, "socket_resume", "true") -- or a connection that ends too early leaves the call parked for ever
    api:execute("luarun", "recorder.lua guard " .. uuid)
    session:execute("socket", (session:getVariable("recorder_socket") or "127.0.0.1:8084") .. " async")
    set(uuid, "recorder_guard", "off")
    local patience = now() + DECIDE_PATIENCE
    repeat -- until the guard is gone, or has taken the call out
        freeswitch.msleep(1)
    until get(uuid, "recorder_guard") == "" or not session:ready() or now() > patience
    if get(uuid, "recorder_decision") == "" then
        set(uuid, "recorder_decision", "unknown")
    end
    set(uuid, "socket_resume", "")
end

-- Runs beside a call that is in `socket`, and takes it out when that lasts too long.
local function guard(uuid)
    local patience = now() + DECIDE_PATIENCE
    repeat
        freeswitch.msleep(1)
        if get(uuid, "recorder_guard") ~= "on" then
            set(uuid, "recorder_guard", "")
            return
        end
    until now() > patience
    api:execute("global_setvar", "RECORDER_SOCKET_LATE=" .. get_global("RECORDER_LEASE"))
    set(uuid, "recorder_decision", "unknown")
    set(uuid, "socket_resume", "") -- or a connection that ends later ends what the call is in by then
    api:execute("uuid_transfer", uuid .. " next XML recorder")
end

local function by_key(verb, uuid)
    local headers = {Actor = "party", Reason = "by key", Owner = "agent"}
    if verb == "pause" then
        paused(uuid, "agent", headers, freeswitch.msleep)
    else
        if verb == "resume" then
            mark(uuid, "agent", false)
        end
        ask(uuid, verb, headers)
    end
end

-- What fs_cli prints.
local function on_the_console(verb, target)
    local request = api:execute("create_uuid", "")
    local replies = freeswitch.EventConsumer("CUSTOM", "recorder::reply")
    local event = freeswitch.Event("CUSTOM", "recorder::command")
    event:addHeader("Recorder-Verb", verb)
    event:addHeader("Recorder-Request-ID", request)
    if target then
        event:addHeader("Recorder-Call", target)
    end
    for number = 3, #argv do
        event:addHeader("Recorder-Arg-" .. (number - 2), argv[number])
    end
    event:fire()
    local patience = now() + CONSOLE_PATIENCE
    while now() < patience do
        local reply = replies:pop(1, 100)
        if reply and reply:getHeader("Recorder-Request-ID") == request then
            local answer, message = reply:getHeader("Recorder-Answer"), reply:getHeader("Recorder-Message") or ""
            if verb == "status" then
                return reply:getBody() or ""
            end
            local good = answer == "confirmed" or answer == "done"
            return (good and "+OK " or "-ERR recorder: " .. (answer or "") .. ": ") .. message .. "\n"
        end
    end
    return "-ERR recorder: no answer\n"
end

local verb, target = argv[1], argv[2]
if verb == "guard" then
    if target and target:match("^" .. UUID .. "$") then
        guard(target)
    end
elseif verb == "key" then
    if VERBS[target] and argv[3] and argv[3]:match("^" .. UUID .. "$") then
        by_key(target, argv[3])
    elseif VERBS[target] and session then
        -- This is the call's own thread, which must not wait.
        api:execute("luarun", "recorder.lua key " .. target .. " " .. session:get_uuid())
    end
elseif session then
    if verb == "decide" then
        decide()
    elseif verb == "socket" then
        decide_by_socket()
    elseif VERBS[verb] then
        in_the_dialplan(verb, target)
    end
elseif stream and (verb == "status" or (VERBS[verb] and target)) then
    stream:write(on_the_console(verb, target))
elseif stream then
    stream:write("-USAGE: recorder pause|resume|start|stop UUID [reason=WORD] [owner=WORD] [server=NAME], or recorder status\n")
end

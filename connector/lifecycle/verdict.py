"""The statements that decide who moves into which stage (machine.py says in which order reasons weigh).

Owns: VERDICT and NEXT, over the views of people.load and the table `policies`. Must not: run them.

`since` null: there is no time limit, and mails since the last activity decide. Where the platform's count (since the
last open or click) began before that activity, `marks` say how many of it are older; without a mark all of them are.
"""

from __future__ import annotations

from connector.core.model import BLOCKED, Status, quoted
from connector.lifecycle.policy import RETIRED, RETURNED, SEPARATOR

_OPTED_OUT = quoted(BLOCKED)

VERDICT = f"""
    with stood as (select *, split_part(policy, '{SEPARATOR}', 2) as whose from entries where left_at is null),
    passed as (
        select e.email, list(distinct e.stage) as stages from entries e join stood s using (email)
        where e.began_at = s.began_at group by e.email
    ),
    undone as (select email, max(left_at) as at from entries where how = 'undone' group by email),
    moment as (select greatest(max(greatest(entered_at, coalesce(left_at, entered_at))), $last_run) as latest
               from entries),
    other as (select person, max(signal) as signal, bool_or(consent) as consent from desired group by person),
    homes as (select distinct on (whose) whose, place from policies order by whose, place),
    known as (
        select coalesce(d.email, s.email) as email, s.stage, s.part, s.policy, s.began_at, s.entered_at,
               s.signal_at, coalesce(p.stages, []) as passed,
               coalesce(if(d.email is null, h.place, d.policy), 0) as under, h.place as home,
               d.email is not null and d.policy is null as outside, s.whose,
               greatest(d.signal, o.signal, k.last_click_at) as signal, greatest(d.life, k.last_click_at, u.at) as life,
               coalesce(d.consent, false) and c.status is not null
               and c.status not in ({_OPTED_OUT}, '{Status.ABSENT}') as taking_part,
               coalesce(d.protected, false) as protected,
               coalesce(e.sends, if($counted and e.email is null, 0, null)) as sends, e.last_send_at,
               greatest(e.last_open_at, e.last_click_at) as engaged_at, b.at as marked_at, b.sends as marked,
               d.email is null and c.person is not null and c.person in (select person from desired) as elsewhere,
               coalesce(d.email, s.email) in (select email from renamed) as renamed, o.consent as other_consent,
               c.status in ({_OPTED_OUT}) as refusing
        from desired d full join stood s using (email)
        left join contacts c on c.email = coalesce(d.email, s.email)
        left join engagement e on e.email = coalesce(d.email, s.email)
        left join marks b on b.email = coalesce(d.email, s.email)
        left join clicks k on k.email = coalesce(d.email, s.email)
        left join passed p on p.email = s.email
        left join other o on d.email is null and s.stage = '{RETIRED}' and o.person = c.person
        left join undone u on u.email = coalesce(d.email, s.email)
        left join homes h on h.whose = s.whose
    ),
    ruled as (
        select k.*, y.* exclude (whose), y.whose as mine,
               if(signal is null, never_since, alive_since) as since, if(signal is null, never_sends, sends_) as least,
               coalesce(stage not in ('{RETURNED}', '{RETIRED}') and k.whose <> y.whose, false) as changed,
               case when stage is null then null when list_contains(y.names, stage) and k.whose = y.whose then under
                    else coalesce(home, if(list_contains(y.names, stage), under, null),
                                  (select min(place) from policies a where list_contains(a.names, stage)), under) end
               as worn
        from known k join policies y on y.place = k.under
    ),
    mailed as (
        select *, since is null as timeless,
               case when since is not null or signal is null or signal <= engaged_at then sends
                    when marked_at >= signal and sends >= marked then sends - marked
                    when marked_at >= signal then sends when sends is not null then 0 end as mails
        from ruled
    ),
    judged as (
        select *, list_position(names, stage) as number,
               if(timeless, coalesce(mails < least, false) and (stage is null or policy is distinct from key),
                  coalesce(life >= since, false)) as alive,
               life is not null and reaches_back and (not timeless or mails is not null) as measurable,
               list_position(list_transform(names, lambda name: list_contains(passed, name)), false) as missing,
               coalesce(life > began_at, false) or coalesce(not changed and (signal_at is null or life > signal_at)
                   and if(timeless, true, life >= began_at - ($as_of - since)), false) as back,
               coalesce((signal_at is null or signal > signal_at)
                        and if(timeless, signal is not null, signal >= began_at - ($as_of - alive_since)), false)
               as news,
               coalesce($as_of < (select latest from moment), false) as earlier,
               coalesce(entered_at >= $as_of, false) or elsewhere or renamed as still
        from mailed
    ),
    silent as (
        select *, not alive and measurable and not protected and taking_part and not outside
               and if(timeless, mails >= least, least is null or mails is null or mails >= least) as silent,
               coalesce(missing, len(names)) as goal
        from judged
    ),
    followed as (
        select *, case when outside then null
               when changed and goal = 1 then if(silent, 1, null)
               when changed then if(entered_at <= list_extract(due, goal), goal, null)
               when missing < number then missing when number is null then coalesce(missing, len(names))
               when number < len(names) and entered_at <= list_extract(due, number + 1) then number + 1 end
               as following
        from silent
    )
    select * exclude (news), case
        when still or earlier then null
        when stage = '{RETIRED}' then case when taking_part then 'returned' when not refusing then 'left' end
        when stage is null then case when silent then 'entered' end
        when not taking_part then 'left'
        when outside then 'policy'
        when stage = '{RETURNED}' then
            case when protected then 'protected' when entered_at > returned_before then null
                 when silent then 'entered' when returned_before is not null or not returns then 'over' end
        when back then 'returned'
        when alive then 'policy'
        when protected then 'protected'
        when not measurable then null
        when following is not null then
            case when not changed and following = number + 1 then 'moved' else 'policy' end
        end as how,
        if(timeless and signal is not null, sends - mails, null) as mark,
        coalesce(timeless and mails is null and taking_part and not protected and not outside
                 and life is not null, false) as uncounted,
        coalesce(taking_part and not protected and measurable and not alive and not back and not elsewhere
                 and not renamed and not earlier and number = len(names) and missing is null and not outside
                 and not changed and if(timeless, mails >= least, true)
                 and entered_at <= $as_of - interval 1 day, false) as ripe,
        coalesce(news and not earlier and not renamed and (not elsewhere or other_consent), false) as news
    from followed
"""

# The verdict as a move: the ramp is applied, the stage and its part are found.
NEXT = f"""
    with numbered as (
        select *, case how when 'entered' then 1 when 'returned' then null else
               case when how = 'moved' or (how = 'policy' and not alive) then following end end as step
        from verdict
    ), ranked as (
        select *, row_number() over (partition by under, how order by life nulls first, email) as place_in from numbered
    ), kept as (
        select * exclude (how), case when how = 'entered' and place_in > most then null else how end as how,
               coalesce(how = 'entered' and place_in > most, false) as waits from ranked
    ), named as (
        select *, case when how is null then null when step is not null then list_extract(names, step)
                       when how = 'returned' and returned_stage and not outside then '{RETURNED}' end as next
        from kept
    )
    select n.*, s.part as next_part,
           case when n.how = 'entered' then $as_of when n.next is not null then n.began_at end as next_began_at
    from named n left join split s on s.stage = n.next and s.policy = n.under
         and left(md5(s.name || '|' || n.email), 16) >= s.low and left(md5(s.name || '|' || n.email), 16) < s.high
"""

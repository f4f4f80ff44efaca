"""The ledger's tables, and the migrations from older ones. The columns are meant to be read by hand:

sqlite3 .git/bisectsyms/ledger.sqlite 'select * from rates'
"""

from __future__ import annotations

FIRST = """
create table cells (
    key text primary key,
    profile text not null,
    arch text not null,
    toolchain text not null,
    compiler text not null,
    linker text not null,
    kconfig text not null,
    jobs integer not null,
    variation text not null,
    json text not null           -- the whole cell, as model.Cell has it
);
create table attempts (
    number integer primary key autoincrement,
    begun real not null,         -- seconds since the epoch, as are all times here
    host text not null,          -- these five: the process that drives it
    boot text not null,
    pids text not null,          -- its pid namespace
    pid integer not null,
    pid_started real not null,   -- seconds after boot
    revision text not null,      -- commit id
    tree text not null,          -- git tree id
    title text not null,
    name text not null,          -- how people call the revision; may be empty
    cell text not null references cells (key),
    kind text not null,
    draw_length integer not null,
    slot text not null,
    paths text not null,
    from_scratch integer not null,
    command text not null,
    dropped text not null,       -- JSON list
    ended real,                  -- null: running, or died with its driver
    buried integer not null default 0,  -- 1: the end is a guess, made when the driver was found dead
    outcome text,
    signature text,
    why text,
    exit_status integer,
    layout text,
    kernel_release text,
    seconds real,
    cpu_seconds real,
    peak_rss integer,            -- bytes
    load real,
    slots_in_use integer,
    check ((ended is null) = (outcome is null))
);
create index attempts_by_tree on attempts (tree, cell);
create index attempts_by_outcome on attempts (outcome);
create table evidence (
    attempt integer not null references attempts (number),
    name text not null,
    digest text not null,        -- sha256 of the content
    size integer,                -- bytes on disk, compressed; null: was not there when the attempt ended
    primary key (attempt, name)
);
create index evidence_by_digest on evidence (digest);
create table verdicts (
    number integer primary key autoincrement,
    judged real not null,
    revision text not null,
    cell text not null references cells (key),
    kind text not null,
    verdict text not null,
    consistency text not null,
    rationale text not null,
    miss real not null
);
create index verdicts_by_revision on verdicts (revision, cell);
create view rates as             -- how often each revision fails, per cell and kind
    select cell, tree, kind, coalesce(nullif(max(name), ''), substr(max(revision), 1, 12)) as revision,
           sum(outcome = 'INCONSISTENT') as inconsistent,
           sum(outcome = 'CLEAN') as clean,
           sum(outcome not in ('INCONSISTENT', 'CLEAN')) as no_evidence,
           round(1.0 * sum(outcome = 'INCONSISTENT')
                 / nullif(sum(outcome in ('INCONSISTENT', 'CLEAN')), 0), 3) as rate,
           round(avg(seconds), 2) as seconds
    from attempts where ended is not null group by cell, tree, kind order by min(number);
create view cost as              -- what the attempts of each cell took
    select cell, kind, count(*) as attempts, round(sum(seconds), 1) as seconds,
           round(sum(cpu_seconds), 1) as cpu_seconds, max(peak_rss) as peak_rss
    from attempts group by cell, kind;
create view history as           -- one line per attempt, oldest first
    select number, datetime(begun, 'unixepoch', 'localtime') as begun,
           coalesce(nullif(name, ''), substr(revision, 1, 12)) as revision, cell, kind, draw_length,
           coalesce(outcome, 'running') as outcome, signature, round(seconds, 2) as seconds, why
    from attempts order by number;
"""

SECOND = """
alter table attempts add column uuid text not null default '';  -- the same in every ledger it is merged into
update attempts set uuid = identity(host, boot, pid, number, printf('%.3f', begun));
create unique index attempts_by_uuid on attempts (uuid);
alter table attempts add column imported real;  -- when it was taken over from another ledger; null: made here
create table exclusions (        -- the newest word about an attempt counts
    attempt integer not null references attempts (number),
    said real not null,
    who text not null,
    why text not null,
    excluded integer not null,   -- 0: taken back
    primary key (attempt, said, who)
);
create view excluded as          -- attempts that are no evidence now
    select attempt, max(said) as said, who, why from exclusions group by attempt having excluded;
create table told (              -- people's words about revisions; the newest for a tree and cell counts
    cell text not null references cells (key),
    tree text not null,
    said real not null,
    who text not null,
    word text not null,          -- failed, clean, untestable, nothing
    why text not null,
    revision text not null,
    title text not null,
    name text not null,
    primary key (cell, tree, said, who)
);
create table revised (           -- when people or an import last changed what is known of a revision
    cell text not null,
    tree text not null,
    at real not null,
    primary key (cell, tree)
);
drop view rates;
create view rates as             -- how often each revision fails, per cell and kind
    select cell, tree, kind, coalesce(nullif(max(name), ''), substr(max(revision), 1, 12)) as revision,
           sum(outcome = 'INCONSISTENT' and who is null) as inconsistent,
           sum(outcome = 'CLEAN' and who is null) as clean,
           sum(outcome not in ('INCONSISTENT', 'CLEAN') and who is null) as no_evidence,
           round(1.0 * sum(outcome = 'INCONSISTENT' and who is null)
                 / nullif(sum(outcome in ('INCONSISTENT', 'CLEAN') and who is null), 0), 3) as rate,
           round(avg(seconds), 2) as seconds,
           count(who) as excluded
    from attempts left join excluded on attempt = number
    where ended is not null group by cell, tree, kind order by min(number);
drop view history;
create view history as           -- one line per attempt, oldest first
    select number, datetime(begun, 'unixepoch', 'localtime') as begun,
           coalesce(nullif(name, ''), substr(revision, 1, 12)) as revision, cell, kind, draw_length,
           coalesce(outcome, 'running') as outcome, signature, round(seconds, 2) as seconds, attempts.why,
           host, excluded.why as excluded
    from attempts left join excluded on attempt = number order by number;
"""

THIRD = """
alter table attempts add column vanished text;  -- JSON list of options asked for by name and not in .config
drop view rates;
create view rates as             -- how often each revision fails, per cell and kind
    select cell, tree, kind, coalesce(nullif(max(name), ''), substr(max(revision), 1, 12)) as revision,
           sum(outcome in ('INCONSISTENT', 'FAILED') and who is null) as inconsistent,
           sum(outcome = 'CLEAN' and who is null) as clean,
           sum(outcome not in ('INCONSISTENT', 'FAILED', 'CLEAN') and who is null) as no_evidence,
           round(1.0 * sum(outcome in ('INCONSISTENT', 'FAILED') and who is null)
                 / nullif(sum(outcome in ('INCONSISTENT', 'FAILED', 'CLEAN') and who is null), 0), 3) as rate,
           round(avg(seconds), 2) as seconds,
           count(who) as excluded
    from attempts left join excluded on attempt = number
    where ended is not null group by cell, tree, kind order by min(number);
"""

FOURTH = """
alter table attempts add column inputs text;  -- digest of the inputs of the link
"""

FIFTH = """
alter table attempts add column draw_factors text;  -- JSON list of [name, value]: what was drawn besides the length
drop view history;
create view history as           -- one line per attempt, oldest first
    select number, datetime(begun, 'unixepoch', 'localtime') as begun,
           coalesce(nullif(name, ''), substr(revision, 1, 12)) as revision, cell, kind, draw_length, draw_factors,
           coalesce(outcome, 'running') as outcome, signature, round(seconds, 2) as seconds, attempts.why,
           host, excluded.why as excluded
    from attempts left join excluded on attempt = number order by number;
"""

SIXTH = """
create view attempts_view as     -- every attempt in words, the newest first
    select number as attempt, datetime(begun, 'unixepoch', 'localtime') as begun,
           coalesce(nullif(name, ''), substr(revision, 1, 12)) as revision, title, arch, toolchain, profile,
           '-j' || jobs as jobs, variation, kind, draw_length as length,
           (select group_concat(rtrim(json_extract(value, '$[0]') || '=' || json_extract(value, '$[1]'), '='), ' ')
            from json_each(draw_factors)) as drawn,
           coalesce(outcome, 'running') as outcome, round(seconds, 2) as seconds, attempts.why,
           host, excluded.why as excluded, 'bisectsyms again ' || number as repeat
    from attempts join cells on key = attempts.cell left join excluded on attempt = number order by number desc;
create view spots_view as        -- every revision in every cell, in words, the one that fails most often first
    select revision, arch, toolchain, profile, '-j' || jobs as jobs, cells.variation, kind, inconsistent as failed,
           clean, no_evidence, excluded, rate, seconds, tree, key as cell
    from rates join cells on key = rates.cell order by rate desc, failed desc;
create view failures_view as     -- attempts that failed and count, the newest first, each with the file of its log
    select number as attempt, datetime(begun, 'unixepoch', 'localtime') as begun,
           coalesce(nullif(name, ''), substr(revision, 1, 12)) as revision, title, toolchain, '-j' || jobs as jobs,
           kind, draw_length as length, layout, why,
           (select 'evidence/' || substr(digest, 1, 2) || '/' || substr(digest, 3) || '.gz' from evidence
            where attempt = number and evidence.name = 'log') as log,
           'bisectsyms again ' || number as repeat, command
    from attempts join cells on key = attempts.cell
    where outcome in ('INCONSISTENT', 'FAILED') and number not in (select attempt from excluded) order by number desc;
create view hours_view as        -- what was done in each hour
    select strftime('%Y-%m-%d %H:00', begun, 'unixepoch', 'localtime') as hour, count(*) as attempts,
           sum(outcome in ('INCONSISTENT', 'FAILED')) as failed, sum(outcome = 'CLEAN') as clean,
           sum(outcome not in ('INCONSISTENT', 'FAILED', 'CLEAN')) as no_evidence, count(distinct cell) as cells,
           round(sum(seconds)) as seconds
    from attempts where ended is not null group by hour order by hour;
"""

SEVENTH = """
create table answers (           -- what each search of ours has told in the end, the newest of a question counts
    number integer primary key autoincrement,
    told real not null,
    cell text not null references cells (key),
    good text not null,          -- JSON list of commit ids
    bad text not null,
    find_fix integer not null,   -- 1: the commit was looked for that ended the failure
    ending text not null,        -- culprit, artefact, predates, not-reproduced, undecided
    revision text not null,      -- commit id that is named; empty for none
    probability real not null,
    means text not null,         -- what that commit is to the failure
    exposing integer not null,   -- 1: it may only show what was there before
    warnings text not null,      -- JSON list: what speaks against it
    likely_wrong integer not null
);
"""

EIGHTH = """
alter table answers add column reverted text not null default '';  -- GOOD, BAD, SKIP: the bad end without the commit
alter table answers add column reverted_why text not null default '';
"""

NINTH = """
alter table answers add column host text not null default '';  -- of one taken over from another ledger: whose it was
"""

MIGRATIONS: tuple[str, ...] = (FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH, EIGHTH, NINTH)
"""Script n brings a ledger from version n to n + 1; append, never change one that was released."""

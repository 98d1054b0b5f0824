"""Enters a root folder as a user without capabilities, and becomes another program, as an engine does.

enter.py ROOT FOLDER UID GID PROGRAM ARGUMENT…
"""

import ctypes
import os
import sys

# linux/prctl.h
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38

ROOT, FOLDER, UID, GID, *COMMAND = sys.argv[1:]
prctl = ctypes.CDLL(None, use_errno=True).prctl
with open("/proc/sys/kernel/cap_last_cap") as file:
    capabilities = range(int(file.read()) + 1)
os.chroot(ROOT)
os.chdir(FOLDER)
for capability in capabilities:
    if prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
        sys.exit(f"cannot drop capability {capability}: {os.strerror(ctypes.get_errno())}")
os.setgroups([])
os.setgid(int(GID))
os.setuid(int(UID))
if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
    sys.exit("cannot set no_new_privs")
os.execv(COMMAND[0], COMMAND)

"""Python that a model wrote, run behind walls of the operating system.

Covered, each proved by a break-out attempt before the first program of a process is run
(sandbox_proof.py); where one attempt succeeds, no program is run at all:
- its own process, a fresh interpreter without our environment, our open files or site-packages;
- no network: no sockets of any kind can be made (seccomp);
- no files: contents can be read in the interpreter's own folders, the system's libraries and the
  packages of `Limits` only, and written in a scratch folder only, which is flat, small and gone
  afterwards (Landlock);
- no other processes: none can be started, signalled, traced or waited for, no threads (seccomp);
- limits of memory, and of the clock (the parent kills).

Also set, without an attempt to break them at start (the tests try): limits of processor time, file
sizes and open files (rlimits), of the output and the scratch folder (the parent watches); no
capabilities; death with the parent; empty namespaces of network and IPC where the kernel lets us.

Not covered: bugs of the kernel, of Landlock or seccomp; side channels through CPU caches and
timing; the names, sizes and dates of files outside (stat is not a right of Landlock); the kernel's
version and the machine's load; a program that uses all it is allowed, many times over. Where the
parent is killed together with the program, an empty or small scratch folder stays in the folder
for temporary files. Needed: Linux 5.13 or newer with Landlock switched on, x86-64 or aarch64.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from annotators.program.sandbox_process import Limits, Ran, Status, run_process
from annotators.program.sandbox_proof import broken_walls

__all__ = ["Limits", "Ran", "Sandbox", "Status"]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs programs, each in a sandbox of its own."""

    limits: Limits = field(default_factory=Limits)

    def missing(self) -> tuple[str, ...]:
        """The walls that this machine cannot build; empty where programs can be run.

        The first call of a process takes about half a second.
        """
        return broken_walls(self.limits)

    def run(self, code: str, hash_seed: int = 0) -> Ran:
        """`code` as a script, with nothing on its standard input.

        Covered and not covered: see the module. The same code gives the same result as far as
        the code itself and the limits of time allow; `hash_seed` sets the order of sets.
        """
        if missing := self.missing():
            return Ran("", f"missing: {', '.join(missing)}", Status.NO_SANDBOX)
        return run_process(code, self.limits, hash_seed)

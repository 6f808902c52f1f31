"""Processes from a fork server that do not import the parent's `__main__`.

Under the command line, Prefect or Ray that module pulls in everything, for every new process.
Guaranteed: only what the target and its arguments need is imported. So nothing that is defined in
`__main__` can be sent to such a process.
"""

from __future__ import annotations

import io
import os
from multiprocessing import context, forkserver, popen_forkserver, reduction, spawn, util
from typing import Any


class LeanPopen(popen_forkserver.Popen):
    """The launch of the standard library (3.11 to 3.14), less two fields of its message."""

    def _launch(self, process_obj: Any) -> None:
        data = spawn.get_preparation_data(process_obj._name)
        data.pop("init_main_from_name", None)
        data.pop("init_main_from_path", None)
        message = io.BytesIO()
        context.set_spawning_popen(self)
        try:
            reduction.dump(data, message)
            reduction.dump(process_obj, message)
        finally:
            context.set_spawning_popen(None)
        self.sentinel, writer = forkserver.connect_to_new_process(self._fds)  # type: ignore[attr-defined]
        parent_writer = os.dup(writer)  # its closing tells the child that the parent is gone
        close_fds = util.close_fds  # type: ignore[attr-defined]
        self.finalizer = util.Finalize(self, close_fds, (parent_writer, self.sentinel))
        with open(writer, "wb", closefd=True) as pipe:
            pipe.write(message.getbuffer())
        self.pid = forkserver.read_signed(self.sentinel)


class LeanProcess(context.ForkServerProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> popen_forkserver.Popen:
        return LeanPopen(process_obj)


class LeanContext(context.ForkServerContext):
    Process = LeanProcess

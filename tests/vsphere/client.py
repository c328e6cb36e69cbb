#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A vSphere client: log in, list the inventory, power a virtual machine off and on again.

Usage: client.py HOST USER PASSWORD

Prints a line per step. Exit 0: all of it worked. 1: the server answered, but wrongly.
2: no connection within CONNECT_S.
"""
import socket
import ssl
import sys
import time

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim

CONNECT_S = 4
TASK_S = 20


def connect(host, user, password):
    context = ssl.create_default_context()
    context.check_hostname = False  # the simulator makes its certificate as it starts
    context.verify_mode = ssl.CERT_NONE
    return SmartConnect(host=host, user=user, pwd=password, sslContext=context)


def inventory(content, kind):
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    try:
        return sorted(view.view, key=lambda item: item.name)
    finally:
        view.Destroy()


def finish(task, what):
    end = time.monotonic() + TASK_S
    while task.info.state in (vim.TaskInfo.State.queued, vim.TaskInfo.State.running):
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: the task did not end within {TASK_S} s")
    if task.info.state != vim.TaskInfo.State.success:
        raise RuntimeError(f"{what}: {task.info.error}")


def power(vm, task, state, what):
    finish(task, what)
    if vm.runtime.powerState != state:
        raise RuntimeError(f"{what}: {vm.name} is {vm.runtime.powerState}, expected {state}")
    print(f"{what} {vm.name}: {vm.runtime.powerState}", flush=True)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    host, user, password = sys.argv[1:]
    try:
        socket.create_connection((host, 443), CONNECT_S).close()
    except OSError as error:
        print(f"no connection to {host}:443: {error}", flush=True)
        return 2
    instance = connect(host, user, password)
    try:
        content = instance.RetrieveContent()
        print(f"logged in to {content.about.fullName}", flush=True)
        for kind in (vim.Datacenter, vim.HostSystem, vim.VirtualMachine):
            names = [item.name for item in inventory(content, kind)]
            if not names:
                raise RuntimeError(f"the inventory has no {kind.__name__}")
            print(f"{kind.__name__}: {', '.join(names)}", flush=True)
        vm = inventory(content, vim.VirtualMachine)[0]
        states = vim.VirtualMachine.PowerState
        power(vm, vm.PowerOffVM_Task(), states.poweredOff, "power off")
        power(vm, vm.PowerOnVM_Task(), states.poweredOn, "power on")
    finally:
        Disconnect(instance)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        print(f"failed: {error}", flush=True)
        sys.exit(1)

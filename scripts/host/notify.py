"""The socket of a service manager: prints what is told there, line by line, until the service is ready. notify.py SOCKET"""
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
    told.bind(sys.argv[1])
    lines = []
    while "READY=1" not in lines:
        lines = told.recv(4096).decode().splitlines()
        print(*lines, sep="\n", flush=True)

import os
import socket
import subprocess
import sys
import time

home, source, port, pid = open('victims.txt').read().split()
site = os.path.dirname(os.__file__) + '/site-packages'


def attempt(what, action):
    try:
        action()
        print '%s WORKED' % what
    except Exception as error:
        print '%s failed %s' % (what, type(error).__name__)


for host in ('192.0.2.1', '127.0.0.1', '127.0.0.2'):
    attempt('connect', lambda: socket.create_connection((host, int(port)), 2))
attempt('datagram', lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto('x', ('192.0.2.1', 53)))
attempt('name', lambda: socket.getaddrinfo('example.org', 80))
for place in (home, source, site, '/etc', '/usr/local', '/spy', '/', '/sys', os.path.dirname(sys.executable)):
    attempt('write', lambda: open(os.path.join(place, 'stolen'), 'w'))
for path in (home + '/.ssh/id', '/etc/shadow', '/proc/1/cwd/etc/shadow'):
    attempt('read', lambda: open(path).read())
for path in (home + '/.ssh/id', site + '/keras/models.py', '/usr/bin/env', '/spy/sitecustomize.py'):
    attempt('remove', lambda: os.remove(path))
    attempt('change', lambda: os.chmod(path, 0))
attempt('variable', lambda: os.environ['TOKEN'])
attempt('kill', lambda: os.kill(int(pid), 9))
subprocess.call(['pkill', '-9', '-f', 'stay-alive'])
# What ends its box with the one that began it.
for process in filter(str.isdigit, os.listdir('/proc')):
    if int(process) != os.getpid() and 'kill -KILL' in open('/proc/%s/cmdline' % process).read():
        os.kill(int(process), 9)
# What lives on, and traps for those who read what was caught.
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv('/bin/sleep', ['sleep', '98765'])
    os._exit(0)
caught = os.environ['REPRISE_SPY_OUT']
os.mkdir(caught + '/9-9-9')
os.symlink(home + '/.ssh/id', caught + '/9-9-9/about.json')
os.symlink(home, caught + '/8-8-8')
os.symlink(home + '/.ssh/id', caught + '/notes.txt')
os.mkfifo(caught + '/9-9-9/call_1.npz')
os.symlink('/', 'link')
os.symlink(source, os.environ['HOME'] + '/link')
time.sleep(0.1)

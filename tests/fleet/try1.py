import sys,time,tempfile
from pathlib import Path
from tests.fleet import servers
from tests.fleet.crowd import *
root=Path(tempfile.mkdtemp())
with servers.etcd(root/"etcd") as member:
    t=time.monotonic()
    with crowd(root/"crowd", member.address, int(sys.argv[1])) as c:
        print("started", time.monotonic()-t)
        try:
            c.adopt("1.0.0"); print("adopted", time.monotonic()-t)
            talk=Talk(c.nodes)
            c.begin("1.1.0")
            s=c.until(lambda s: s.is_over); print("over", time.monotonic()-t)
            for h in s.history: print(h)
            print(c.versions())
            talk.stop(); print(talk.answered, talk.lost[:3], len(talk.lost))
        finally:
            print((c.nodes[0].folder/"log").read_text()[-3000:])
            import shutil; shutil.copy(c.nodes[0].folder/"log","/tmp/fleet-log")

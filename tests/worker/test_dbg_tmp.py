import time, os
from tests.worker.test_process import *
from tests.worker.test_process import folders, fingerprint
def test_dbg(sessions, settings, key, queue, folders, fingerprint):
    with worker(settings, folders) as process:
        t=time.time()
        while not bootstrapped(sessions): time.sleep(.1)
        print("booted", time.time()-t)
        story = Story(sessions, settings, key, fingerprint, "already there")
        first = story.post(); queue.ring(first.job)
        print(decided(story, first.job), time.time()-t)
        time.sleep(2)
        process.terminate(); t=time.time()
        try: print("exit", process.wait(150), time.time()-t)
        except Exception as e:
            print("not ended", e); os.system(f"cat /proc/{process.pid}/status | grep -i 'state\\|threads\\|Sig'; cat /proc/{process.pid}/task/*/comm; cat /proc/{process.pid}/task/*/wchan")
            process.kill()
        print(process.communicate()[1][-3000:])

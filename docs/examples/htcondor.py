"""A Dask cluster of HTCondor jobs that any aetrig command can join.

    pip install dask-jobqueue
    python htcondor.py 40

and in another shell

    aetrig score FILES... --scheduler /shared/me/scheduler.json --out /shared/me/scores

This Python's environment has to be in a folder that submit and worker nodes share.
"""

import sys
import time
from pathlib import Path

import dask
from dask_jobqueue.htcondor import HTCondorCluster

SHARED = Path("/shared/me")

if __name__ == "__main__":
    # a pool that takes jobs back is no fault of the task that ran there
    dask.config.set({"distributed.scheduler.allowed-failures": 50})
    cluster = HTCondorCluster(
        cores=4,
        processes=4,  # as many as cores: aetrig's work is one thread a process
        memory="4 GB",  # of the job: 1 GB a worker
        disk="1 GB",
        log_directory=str(SHARED / "logs"),
        job_extra_directives={"+JobFlavour": '"workday"'},  # your pool's own attributes
        scheduler_options={"scheduler_file": str(SHARED / "scheduler.json")},
    )
    print(f"scheduler at {cluster.scheduler_address}; Ctrl-C ends it and its jobs")
    while True:
        cluster.scale(jobs=int(sys.argv[1]))  # submits again what has ended meanwhile
        time.sleep(60)
        print(f"{len(cluster.scheduler_info['workers'])} workers", flush=True)

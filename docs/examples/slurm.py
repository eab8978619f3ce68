"""A Dask cluster of SLURM jobs that any aetrig command can join.

    pip install dask-jobqueue
    python slurm.py 10

and in another shell

    aetrig score FILES... --scheduler /shared/me/scheduler.json --out /shared/me/scores

This Python's environment has to be in a folder that login and compute nodes share.
"""

import sys
import time
from pathlib import Path

import dask
from dask_jobqueue.slurm import SLURMCluster

SHARED = Path("/shared/me")

if __name__ == "__main__":
    # a partition that takes jobs back is no fault of the task that ran there
    dask.config.set({"distributed.scheduler.allowed-failures": 50})
    cluster = SLURMCluster(
        queue="standard",
        account="my-group",
        walltime="04:00:00",
        cores=16,
        processes=16,  # as many as cores: aetrig's work is one thread a process
        memory="16 GB",  # of the job: 1 GB a worker
        interface="ib0",  # the network that nodes share; see: ip -brief address
        log_directory=str(SHARED / "logs"),
        # workers hand in what they have before the walltime ends
        worker_extra_args=["--lifetime", "220m", "--lifetime-stagger", "10m"],
        scheduler_options={"scheduler_file": str(SHARED / "scheduler.json")},
    )
    print(f"scheduler at {cluster.scheduler_address}; Ctrl-C ends it and its jobs")
    while True:
        cluster.scale(jobs=int(sys.argv[1]))  # submits again what has ended meanwhile
        time.sleep(60)
        print(f"{len(cluster.scheduler_info['workers'])} workers", flush=True)

#!/usr/bin/env bash
# A real Slurm of one node on loopback, for `tests/integration/test_clusters.py`: bash slurm.sh COMMAND...
# Installs Debian's slurm-wlm and munge if they are missing, so it needs root there (a container will do); everything it
# starts is stopped again, and its state is in a temporary folder.
set -euo pipefail

if ! command -v slurmctld slurmd munged > /dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends slurm-wlm munge > /dev/null
fi

folder=$(mktemp -d)
host=$(hostname -s)
mkdir "$folder"/{state,spool}
export SLURM_CONF=$folder/slurm.conf
cat > "$SLURM_CONF" <<CONF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobRequeue=1
ReturnToService=2
SchedulerParameters=requeue_delay=1
MinJobAge=3600
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
if [ "$(slurmd -V | sed -E 's/[^0-9]*([0-9]+).*/\1/')" -ge 23 ]; then # older ones take no cgroups unless asked
  echo "CgroupPlugin=disabled" > "$folder/cgroup.conf"
fi

stop() {
  status=$?
  [ $status -eq 0 ] || tail -n 20 "$folder"/*.log >&2 || true
  for name in slurmd slurmctld munged; do
    [ ! -f "$folder/$name.pid" ] || kill "$(cat "$folder/$name.pid")" 2> /dev/null || true
  done
  rm -rf "$folder"
}
trap stop EXIT

if ! munge -n > /dev/null 2>&1; then
  install -d -o munge -g munge /run/munge
  runuser -u munge -- munged
  cp /run/munge/munged.pid "$folder/munged.pid"
fi
slurmctld
slurmd
for _ in $(seq 60); do
  [ "$(sinfo --noheader --format=%T 2> /dev/null)" = idle ] && break
  sleep 0.5
done
sinfo
"$@"

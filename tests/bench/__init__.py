"""What a call costs: the executable beside the least that a process can do, the other forms of the program, and the
original; and over TLS beside a gRPC health probe.

    make bench PEER=/path/to/the/original TLS_PEER=/path/to/grpc_health_probe
                           measures, and writes docs/benchmark.json, docs/benchmark.svg and README.md's table
    make bench QUICK=1     30 runs, no stock freeze, writes nothing

How it is measured, so that it means something:

- Every program is copied afresh by `cp` first: the same bytes written by a linker differ in speed by 15%.
- The runs of all programs are in one random order, with some milliseconds between them, in which the server finishes
  with the connection before. Medians are taken.
- Milliseconds depend on the machine; what is worth quoting are ratios to other programs of the same run.
- What the new flags ask (many models, a label, REST) is compared with a plain question to the same compiled server,
  which replays recorded answers. What that server and the connection cost by themselves are rows of the floor.
- Calls over TLS go to a server of their own, beside the plain one: TLS 1.3, certificates with elliptic curves, the
  server's verified against a given file. They are compared with each other alone.
- What watching a model costs in an hour is measured on containerd, as root and where it is installed: exec probes with
  containerd's and runc's share, and the sidecar, as they are in deploy/.
- A tenth of a core is a control group of the run's own, and every run begins with its full quota.
"""
